"""The SQLAlchemy dialects `mysql+rdspool` and `mariadb+rdspool`: mysqlconnector's, on rdspool's driver."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.mysql.mariadb import MariaDBDialect
from sqlalchemy.dialects.mysql.mysqlconnector import (
    MariaDBDialect_mysqlconnector,
    MySQLCompiler_mysqlconnector,
    MySQLDialect_mysqlconnector,
    MySQLExecutionContext_mysqlconnector,
)
from sqlalchemy.engine.cursor import _NO_CURSOR_DML, CursorResult
from sqlalchemy.sql.compiler import SQLCompiler

from . import pool
from ._driver import disconnects, literals, probes
from ._driver.cursors import Cursor
from ._driver.lives import FAILOVER, LOST, Lives
from ._lambda import invocation, left_open
from .errors import ConnectError, SettingsError
from .secret import hide

_MARIADB_PREPARER: Any = MariaDBDialect_mysqlconnector.preparer
"""Quotes identifiers for MariaDB: a class of its own in SQLAlchemy 2.0, that of MySQL in 2.1. Neither doubles percent signs."""


class RdspoolCompiler(MySQLCompiler_mysqlconnector):
    """Writes literals into statements so that every sql_mode reads them the same."""

    def render_literal_value(self, value: Any, type_: Any) -> str:
        """Return a value as a literal of the statement, as for `literal_binds`."""
        if self.statement is None:
            return super().render_literal_value(value, type_)  # for DDL, whose COMMENT and ENUM take quoted texts only
        text = SQLCompiler.render_literal_value(self, value, type_)
        if "\\" in text and text.startswith("'") and text.endswith("'"):
            return literals.text(text[1:-1].replace("''", "'")).decode()
        return text


class TextResult(CursorResult[Any]):
    """The result of a statement that is a text, of which only the answer says what columns it has.

    SQLAlchemy maps their names at each execution, because those of `SELECT *` can change: 8 % of a warm statement. The driver's result set is
    another one where the columns are others, so it keeps what was made of their names.
    """

    def _init_metadata(self, context: Any, cursor_description: Any) -> Any:
        result_set, dialect = context.cursor.result_set, context.dialect
        made_by, metadata = result_set.made_of_names
        if made_by is dialect.mark and not self._echo:
            self._metadata = metadata
            return metadata
        metadata = super()._init_metadata(context, cursor_description)
        if result_set.header:  # else it is another one each time
            result_set.made_of_names = dialect.mark, metadata
        return metadata


class RdspoolExecutionContext(MySQLExecutionContext_mysqlconnector):
    """One execution of a statement."""

    def create_default_cursor(self) -> Any:
        """Return the driver's own default, a buffered cursor: stock asks for it by an argument, which costs each proxy on the way."""
        return self._dbapi_connection.cursor()

    def _setup_dml_or_text_result(self) -> Any:
        cursor: Any = self.cursor
        strategy = self.cursor_fetch_strategy
        if self.is_text and type(cursor) is Cursor and strategy is RdspoolExecutionContext.cursor_fetch_strategy:
            if cursor.result_set is None:
                return CursorResult(self, _NO_CURSOR_DML, None)
            compiled: Any = self.compiled
            # The ORM gives a text of from_statement() columns of its own.
            if (compiled is None or not compiled._result_columns) and "driver_column_names" not in self.execution_options:
                return TextResult(self, strategy, cursor.result_set.description)
        return super()._setup_dml_or_text_result()  # type: ignore[no-untyped-call]


class RdspoolDialect(MySQLDialect_mysqlconnector):
    """MySQL through rdspool's driver."""

    driver = "rdspool"
    supports_statement_cache = True
    supports_server_side_cursors = True
    statement_compiler = RdspoolCompiler
    execution_ctx_cls = RdspoolExecutionContext

    def __init__(self, **options: Any) -> None:
        """Take the dialect's part of create_engine()'s arguments."""
        super().__init__(**options)
        self._in_url: dict[str, Any] = {}
        self._lives = Lives()
        self.mark = object()
        """What is kept elsewhere for this dialect has it, so that it does not keep the dialect itself: another one can have other types."""

    @classmethod
    def import_dbapi(cls) -> Any:
        from . import dbapi

        return dbapi

    def create_connect_args(self, url: Any) -> Any:
        """Return the arguments of `dbapi.connect()` for a URL, the password hidden from the frames between here and there."""
        options, wrong = _options(url)
        del url
        if wrong is not None:
            raise SettingsError(wrong)
        self._in_url = options.copy()
        hide(self._in_url, self.import_dbapi().SHOWN)
        return [], options

    def connect(self, *arguments: Any, **options: Any) -> Any:
        """Return a new connection of the driver. Its errors name the part of the URL that a setting came from."""
        from . import dbapi

        module: Any = self.loaded_dbapi
        if module is not dbapi:
            return super().connect(*arguments, **options)  # somebody has given create_engine() another module
        hide(options, dbapi.SHOWN)
        token = dbapi.of_an_engine.set(dbapi.EngineOfUrl(self._in_url, self._lives))
        try:
            return super().connect(*arguments, **options)
        finally:
            dbapi.of_an_engine.reset(token)

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
        with probes.asked_together(connection.connection.dbapi_connection):
            super().initialize(connection)

    def _set_mariadb(self, is_mariadb: bool | None, server_version_info: tuple[int, ...]) -> None:
        super()._set_mariadb(is_mariadb, server_version_info)
        if is_mariadb and not issubclass(self.preparer, _MARIADB_PREPARER):
            # SQLAlchemy 2.0 has put the preparer in place that doubles percent signs, as most drivers need it; this one sends them
            # as they are.
            self.preparer = _MARIADB_PREPARER
            self.identifier_preparer = self.preparer(self)

    # -- the session ------------------------------------------------------------------------------------------------------------

    def set_isolation_level(self, dbapi_connection: Any, level: Any) -> None:
        if not dbapi_connection.starts_with(level):
            dbapi_connection.set_isolation_level(level)

    def reset_isolation_level(self, dbapi_connection: Any) -> None:
        if not dbapi_connection.closed:  # a lost one has no level, and its error is the one to see
            super().reset_isolation_level(dbapi_connection)  # type: ignore[no-untyped-call]

    @classmethod
    def engine_created(cls, engine: Any) -> None:
        """Let each connection that comes back to the pool be as it was when it was made, and none that is lost stay there."""
        engine.dialect._lives.recycle = engine.pool._recycle
        watched = invocation.watch()
        if watched:
            invocation.at_begin(left_open.collect)
            invocation.at_end(left_open.roll_back)
        if isinstance(engine.pool, pool.EnginePool):
            engine.pool.notes = left_open if watched else None
            return
        event.listen(engine, "checkout", pool.goes_out)
        event.listen(engine, "checkin", pool.came_back)
        if watched:
            event.listen(engine, "checkout", left_open.taken)
            event.listen(engine, "checkin", left_open.given_back)
            event.listen(engine, "detach", left_open.given_back)

    # -- losses -----------------------------------------------------------------------------------------------------------------

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        if connection is None and isinstance(e, ConnectError):
            # A connect has failed, and SQLAlchemy is about to raise its own error from this one, with the same frames: a traceback would show
            # them twice. Not by a listener to "handle_error": with one, SQLAlchemy looks for other events at each statement.
            e.__traceback__ = None
        dbapi_connection = getattr(connection, "dbapi_connection", connection)
        if disconnects.is_disconnect(e):
            life = getattr(dbapi_connection, "life", None)
            if life is not None:
                life.ended(FAILOVER if disconnects.is_read_only(e) else LOST)
            return True
        return bool(getattr(dbapi_connection, "closed", False)) and isinstance(e, self.loaded_dbapi.Error)


class MariaDBRdspoolDialect(MariaDBDialect, RdspoolDialect):
    """MariaDB through rdspool's driver."""

    supports_statement_cache = True
    preparer: Any = _MARIADB_PREPARER


def _options(url: Any) -> tuple[dict[str, Any], str | None]:
    """Return what a URL holds, by the names of `dbapi.connect()`, and what is wrong with it."""
    from . import dbapi

    options = url.translate_connect_args(username="user")
    wrong = None
    for name, value in url.query.items():
        if name in options:
            wrong = f"the URL has {name!r} twice, in its options and before them: leave one out"
        elif not isinstance(value, str):
            wrong = f"the URL has the option {name!r} more than once: leave one"
        else:
            options[name] = value
    hide(options, dbapi.SHOWN | {"host", "user", "database"})
    return options, wrong


def register() -> None:
    """Make the dialects known to SQLAlchemy where the package's entry points are not installed, as in a layer."""
    registry.register("mysql.rdspool", __name__, RdspoolDialect.__name__)
    registry.register("mariadb.rdspool", __name__, MariaDBRdspoolDialect.__name__)
