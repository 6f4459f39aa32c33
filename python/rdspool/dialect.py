"""The SQLAlchemy dialects `mysql+rdspool` and `mariadb+rdspool`: mysqlconnector's, at fewer round trips."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.mysql.mariadb import MariaDBDialect
from sqlalchemy.dialects.mysql.mysqlconnector import MySQLDialect_mysqlconnector, MySQLIdentifierPreparer_mysqlconnector

from . import answers, disconnects, pool
from .secret import Secret


class RdspoolDialect(MySQLDialect_mysqlconnector):
    """MySQL through rdspool's driver."""

    driver = "rdspool"
    supports_statement_cache = True

    def __init__(self, pre_ping_idle_only: bool = False, **options: Any) -> None:
        """Take the dialect's part of create_engine()'s arguments.

        `pre_ping_idle_only` lets a connection used within `IDLE_GAP` pass pool_pre_ping unasked; get_engine() sets it.
        """
        super().__init__(**options)
        self._pre_ping_idle_only = pre_ping_idle_only

    @classmethod
    def import_dbapi(cls) -> Any:
        from . import driver

        return driver

    def create_connect_args(self, url: Any) -> Any:
        """Return the arguments of `driver.connect()` for a URL, the password hidden from the frames between here and there."""
        _, options = super().create_connect_args(url)
        if isinstance(options.get("password"), str):
            options["password"] = Secret(options["password"])
        return [], options

    @classmethod
    def load_provisioning(cls) -> None:
        """Load what SQLAlchemy's test suites have to know of MySQL: they look for it beside the dialect's own module."""
        MySQLDialect_mysqlconnector.load_provisioning()  # type: ignore[no-untyped-call]

    # -- what stock asks at the first connect, one command each ---------------------------------------------------------------

    def initialize(self, connection: Any) -> None:
        """Learn what the server is as stock does, statement by statement, but with one SELECT that answers them all.

        So events, and whoever patches a method of this class, see what they see with stock; whatever else a later SQLAlchemy wants to
        know, it asks as ever.
        """
        session = connection.connection.dbapi_connection
        isolation_level = f"@@{session.isolation_variable}"
        questions = {
            "SELECT VERSION()": "VERSION()",
            "SELECT DATABASE()": "DATABASE()",
            "SELECT @@transaction_isolation": isolation_level,
            "SELECT @@tx_isolation": isolation_level,
            "SELECT @@sql_mode": "@@sql_mode",
            "SELECT @@lower_case_table_names": "@@lower_case_table_names",
        }
        with answers.asked_together(session, questions):
            super().initialize(connection)

    def _initialize_mariadb(self, connection: Any) -> None:
        super()._initialize_mariadb(connection)
        # Stock sets it for every driver (2.1.9), also for those that have no literal for a UUID, and such a parameter then fails.
        self._allows_uuid_binds = False

    # -- what the server's status and the session's start tell without asking ----------------------------------------------------

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        if not dbapi_connection.starts_with(level):
            dbapi_connection.set_isolation_level(level)

    # -- losses -----------------------------------------------------------------------------------------------------------------

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Return whether the connection may be used. Raises the driver's error for one that is lost, as stock does."""
        if self._pre_ping_idle_only:
            return not dbapi_connection.lost(pool.IDLE_GAP)
        return super().do_ping(dbapi_connection)

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        if disconnects.is_disconnect(e):
            return True
        held = getattr(connection, "dbapi_connection", connection)
        return bool(getattr(held, "closed", False)) and isinstance(e, self.loaded_dbapi.Error)


class MariaDBRdspoolDialect(MariaDBDialect, RdspoolDialect):
    """MariaDB through rdspool's driver."""

    supports_statement_cache = True
    _allows_uuid_binds = False
    preparer: Any = MySQLIdentifierPreparer_mysqlconnector


def register() -> None:
    """Make the dialects known to SQLAlchemy where the package's entry points are not installed, as in a layer."""
    registry.register("mysql.rdspool", __name__, RdspoolDialect.__name__)
    registry.register("mariadb.rdspool", __name__, MariaDBRdspoolDialect.__name__)
