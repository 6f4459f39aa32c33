"""The SQLAlchemy dialects `mysql+rdspool` and `mariadb+rdspool`: mysqlconnector's, at fewer round trips."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.mysql.mariadb import MariaDBDialect
from sqlalchemy.dialects.mysql.mysqlconnector import MySQLDialect_mysqlconnector, MySQLIdentifierPreparer_mysqlconnector

from . import disconnects

IDLE_GAP: Final = 5.0
"""Seconds: a connection used within them is hot and taken at its word; one idle for longer is checked before its use."""


class RdspoolDialect(MySQLDialect_mysqlconnector):
    """MySQL through rdspool's driver."""

    driver = "rdspool"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        from . import driver

        return driver

    def create_connect_args(self, url: Any) -> Any:
        """Return the arguments of `driver.connect()` for a URL."""
        _, options = super().create_connect_args(url)
        return [], options

    # -- what stock asks the server at the first connect, one command each ----------------------------------------------------

    def initialize(self, connection: Any) -> None:
        """Learn what the server is: its version from its greeting, the rest in one SELECT."""
        self._facts = self._ask(connection.connection.dbapi_connection)
        super().initialize(connection)

    def _ask(self, dbapi_connection: Any) -> dict[str, Any]:
        expressions = {
            "sql_mode": "@@session.sql_mode",
            "lower_case_table_names": "@@lower_case_table_names",
            "isolation_level": f"@@session.{dbapi_connection.isolation_variable}",
            "database": "DATABASE()",
        }
        return dict(zip(expressions, dbapi_connection.variables(*expressions.values()), strict=True))

    def _get_server_version_info(self, connection: Any) -> tuple[int, ...]:
        return self._parse_server_version(connection.connection.dbapi_connection.version_text)

    def _get_default_schema_name(self, connection: Any) -> str:
        name: str = self._facts["database"]
        return name

    def get_default_isolation_level(self, dbapi_conn: Any) -> Any:
        return self._facts["isolation_level"].upper().replace("-", " ")

    def _fetch_setting(self, connection: Any, setting_name: str) -> str | None:
        value = self._facts.get(setting_name)
        return super()._fetch_setting(connection, setting_name) if value is None else str(value)

    # -- what the server's status and the session's start tell without asking ----------------------------------------------------

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        if dbapi_connection.starts_with(level):
            return
        if level == "AUTOCOMMIT":
            dbapi_connection.autocommit = True
            return
        dbapi_connection.autocommit = False
        dbapi_connection.cmd_query(f"SET SESSION TRANSACTION ISOLATION LEVEL {level}")
        dbapi_connection.commit()

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        (level,) = dbapi_connection.variables(f"@@session.{dbapi_connection.isolation_variable}")
        return level.upper().replace("-", " ")

    # -- losses -----------------------------------------------------------------------------------------------------------------

    def do_ping(self, dbapi_connection: Any) -> bool:
        """Return whether the connection may be used; only one that was idle for longer than `IDLE_GAP` is asked."""
        return not dbapi_connection.lost(IDLE_GAP)

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
