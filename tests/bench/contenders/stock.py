"""SQLAlchemy with a stock driver: create_engine() with a URL, verified TLS, and a token that is already signed."""

from __future__ import annotations

from .contender import Contender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy.engine import Engine


class Stock(Contender):
    scheme = ""
    """The dialect and driver of the URL."""

    def connect_arguments(self) -> dict[str, Any]:
        return {"ssl_ca": self.place["RDSPOOL_CA"], "ssl_verify_cert": True, "ssl_verify_identity": True}

    def engine(self, **options: Any) -> Engine:
        from sqlalchemy import URL, create_engine, event

        place = self.place
        url = URL.create(
            self.scheme,
            place["RDSPOOL_USER"],
            None,
            place["RDSPOOL_HOST"],
            int(place["RDSPOOL_PORT"]),
            place["RDSPOOL_DATABASE"],
        )
        made = create_engine(url, connect_args=self.connect_arguments(), pool_size=1, max_overflow=0, **options)

        # SQLAlchemy documents this event for tokens.
        @event.listens_for(made, "do_connect")
        def give_token(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
            options["password"] = self.token

        return made

    def autocommit_engine(self) -> Engine:
        return self.engine(isolation_level="AUTOCOMMIT")


class StockPure(Stock):
    name = "stock_pure"
    label = "stock pure"
    how = "SQLAlchemy and mysql-connector-python with use_pure=True; the token is passed to it"
    packages: tuple[str, ...] = ("SQLAlchemy", "mysql-connector-python")
    scheme = "mysql+mysqlconnector"

    def load(self) -> None:
        import mysql.connector  # noqa: F401
        import sqlalchemy  # noqa: F401

    def connect_arguments(self) -> dict[str, Any]:
        return {**super().connect_arguments(), "use_pure": True, "auth_plugin": "mysql_clear_password"}


class StockC(StockPure):
    name = "stock_c"
    label = "stock C"
    how = "SQLAlchemy and mysql-connector-python's C extension, imported before ssl, because it may not load after Python's OpenSSL; the token is passed to it"

    def begin(self) -> None:
        import _mysql_connector  # noqa: F401

    def connect_arguments(self) -> dict[str, Any]:
        return {**super().connect_arguments(), "use_pure": False}


class PyMySQL(Stock):
    name = "pymysql"
    label = "PyMySQL"
    how = "SQLAlchemy and PyMySQL; the token is passed to it"
    packages = ("SQLAlchemy", "PyMySQL")
    scheme = "mysql+pymysql"

    def load(self) -> None:
        import pymysql  # noqa: F401
        import sqlalchemy  # noqa: F401
