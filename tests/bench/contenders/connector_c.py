"""The drivers on MariaDB Connector/C: mysqlclient and MariaDB's connector. connector_c.py of the benchmark compiles them."""

from __future__ import annotations

from .stock import Stock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class OnConnectorC(Stock):
    connector_c = True

    def connect_arguments(self) -> dict[str, Any]:
        raise NotImplementedError


class Mysqlclient(OnConnectorC):
    name = "mysqlclient"
    label = "mysqlclient"
    how = "SQLAlchemy and mysqlclient on MariaDB Connector/C; the token is passed to it"
    packages = ("SQLAlchemy", "mysqlclient")
    scheme = "mysql+mysqldb"

    def load(self) -> None:
        import MySQLdb  # noqa: F401
        import sqlalchemy  # noqa: F401

    def connect_arguments(self) -> dict[str, Any]:
        return {"ssl": {"ca": self.place["RDSPOOL_CA"]}, "ssl_mode": "VERIFY_IDENTITY", "charset": "utf8mb4"}


class MariaDB(OnConnectorC):
    name = "mariadb"
    label = "mariadb"
    how = "SQLAlchemy and MariaDB Connector/Python on MariaDB Connector/C; the token is passed to it"
    packages = ("SQLAlchemy", "mariadb")
    scheme = "mysql+mariadbconnector"

    def load(self) -> None:
        import mariadb  # noqa: F401
        import sqlalchemy  # noqa: F401

    def connect_arguments(self) -> dict[str, Any]:
        return {"ssl_ca": self.place["RDSPOOL_CA"], "ssl_verify_cert": True}
