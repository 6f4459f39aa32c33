"""AWS's driver wrapper with its SQLAlchemy dialect, without plugins."""

from __future__ import annotations

from .stock import StockC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Wrapper(StockC):
    name = "wrapper"
    label = "AWS wrapper"
    how = "SQLAlchemy and aws-advanced-python-wrapper without plugins, on mysql-connector-python's C extension; the token is passed to it"
    packages = ("SQLAlchemy", "aws-advanced-python-wrapper", "mysql-connector-python")
    scheme = "mysql+aws_wrapper_mysqlconnector"

    def load(self) -> None:
        super().load()
        import aws_advanced_python_wrapper  # noqa: F401

    def connect_arguments(self) -> dict[str, Any]:
        return {**super().connect_arguments(), "plugins": ""}

    def driver(self, dbapi_connection: Any) -> str:
        return super().driver(dbapi_connection.target_connection)
