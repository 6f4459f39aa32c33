"""The lean connection of the C driver: the connector's C extension, with the same waste left out as in the pure one.

For those who want Oracle's own client: the pure driver reads large results for no more CPU (`tests/bench`), in half of the layer's
size. The extension brings its own TLS, so what `tls.py` and `resumption.py` do has no part in it.
"""

from __future__ import annotations

import datetime
import math
import threading
import time
from contextlib import suppress
from typing import Any

import _mysql_connector
from mysql.connector._scripting import MySQLScriptSplitter
from mysql.connector.connection_cext import CMySQLConnection
from mysql.connector.cursor_cext import CMySQLCursorBuffered, CMySQLCursorPrepared
from mysql.connector.errors import DatabaseError, Error, OperationalError, ProgrammingError, get_mysql_exception

from .cursor import substitute
from .packets import SERVER_GONE
from .secret import Secret
from .status import IN_TRANSACTION, PING_TIMEOUT, Status, refusal


def _year_in_full(value: Any) -> Any:
    """Return a date before the year 1000 as text: the extension writes 99 in two digits, which the server takes for 1999."""
    if isinstance(value, datetime.date) and value.year < 1000:
        return str(value.replace(tzinfo=None) if isinstance(value, datetime.datetime) else value)
    return value


class CCursor(CMySQLCursorBuffered):
    """Reads the whole result within `execute()`."""

    _connection: Any

    def close(self) -> Any:
        """Close the cursor; what a procedure or a second statement still answers is read, so that the next one does not get it."""
        connection = self._connection
        if connection and not connection.closed and connection._cmysql.more_results():
            connection._drain()
        return super().close()

    def execute(self, operation: Any, params: Any = (), map_results: bool = False) -> None:
        """Run a statement, with `%s` or `%(name)s` in it replaced by `params`, quoted."""
        connection = self._connection
        if not connection or connection.closed:
            raise OperationalError("MySQL Connection not available: it is closed", errno=SERVER_GONE)
        if map_results or (isinstance(params, dict) and params) or not operation:
            super().execute(operation, params, map_results)
            return
        connection.handle_unread_result()
        self.reset()
        statement = operation.encode(connection.python_charset) if isinstance(operation, str) else operation
        if params:
            if not isinstance(params, (list, tuple)):
                raise ProgrammingError(f"parameters must be a list, a tuple or a dict, not {type(params).__name__}")
            statement = substitute(statement, params, connection.prepare_for_mysql)
        elif isinstance(operation, str) and MySQLScriptSplitter.has_delimiter(statement):
            super().execute(operation)
            return
        self._executed = statement
        try:
            self._handle_result(connection.cmd_query(statement, raw=self._raw, buffered=self._buffered))
        except _mysql_connector.MySQLInterfaceError as error:
            raise get_mysql_exception(error.errno, msg=error.msg, sqlstate=error.sqlstate) from error


class CConnection(Status, CMySQLConnection):
    """A connection to one server through the C extension. `connector.Connector` makes it."""

    _cmysql: Any
    _ssl: dict[str, Any]

    def __init__(self, *, secret: Secret, ca: str, plugin: str | None = None, wait_timeout: int | None = None, **options: Any) -> None:
        """Prepare a connection without opening it; `ca` is the PEM file whose authorities verify the server."""
        super().__init__()
        self._secret = secret
        self._skip_ping = False
        self._take(wait_timeout, {**options, "auth_plugin": plugin or ""})
        self._ssl_disabled, self._unix_socket = False, None
        # The extension counts whole seconds.
        self._connection_timeout = math.ceil(self._connection_timeout or 0)
        self._ssl = {"ca": ca, "verify_cert": True, "verify_identity": True}

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"id={self.connection_id}"
        return f"<rdspool C connection {self._user}@{self._host}:{self._port} {state}>"

    def open(self) -> None:
        """Connect, verify the server, sign in and set the session up; leave nothing open on failure."""
        charset, collation = self._names
        self._charset_id = self._character_set.get_charset_info(charset or str(collation).partition("_")[0])[0]
        try:
            self._sign_in()
            self._charset_id = self._character_set.get_charset_info(*self._names)[0]
            self._post_connection()
        except BaseException:
            self._abandon()
            raise

    def _post_connection(self) -> None:
        """Set the session up with one SET, at the connect and after a reset."""
        self.cmd_query(self._session_start())
        if self._init_command:
            self.cmd_query(self._init_command)
        self.untouched = self._clean = True

    def _sign_in(self) -> None:
        failure: Error | None = None
        self._password = self._secret.reveal()
        try:
            self._open_connection()
        except Error as error:
            failure = error
        finally:
            self._password = ""
        if failure is not None:
            # The connector's frames hold the password in their variables: the error goes on without them.
            failure.__cause__ = failure.__context__ = None
            raise failure.with_traceback(None)

    @property
    def closed(self) -> bool:
        """Whether it can't be used any more: closed by its owner, or given up after a loss."""
        return self._cmysql is None or not self._cmysql.connected()

    @property
    def _status(self) -> int:  # type: ignore[override]
        return 0 if self.closed else int(self._cmysql.st_server_status())

    def cursor(  # type: ignore[override]
        self,
        buffered: bool | None = None,
        raw: bool | None = None,
        prepared: bool | None = None,
        cursor_class: Any = None,
        dictionary: bool | None = None,
        **timeouts: Any,
    ) -> Any:
        """Return a cursor, without asking the server whether it is still there: the statement will tell."""
        if self.closed:
            raise OperationalError("MySQL Connection not available: it is closed", errno=SERVER_GONE)
        if not (raw or prepared or dictionary or cursor_class or self._raw) and (self._buffered if buffered is None else buffered):
            self.handle_unread_result()
            return CCursor(self)
        if prepared and not (raw or dictionary or cursor_class):
            self.handle_unread_result(prepared=True)
            return CMySQLCursorPrepared(self)
        self._skip_ping = True
        try:
            return super().cursor(buffered, raw, prepared, cursor_class, dictionary, **timeouts)
        finally:
            self._skip_ping = False

    def is_connected(self) -> bool:
        """Return whether the server answers a ping."""
        return self._skip_ping or super().is_connected()

    def prepare_for_mysql(self, params: Any) -> Any:
        """Return the values as literals, in a list or a dict as `params` is."""
        try:
            if isinstance(params, dict):
                return super().prepare_for_mysql({name: _year_in_full(value) for name, value in params.items()})
            return super().prepare_for_mysql([_year_in_full(value) for value in params])
        except _mysql_connector.MySQLInterfaceError as error:
            raise ProgrammingError(f"a parameter can't be sent: {error}") from error

    def cmd_query(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        """Send a statement and return the start of its answer, as the connector's method does."""
        if self.closed:
            raise OperationalError("MySQL Connection not available: it is closed", errno=SERVER_GONE)
        if self._cmysql.more_results():
            self._drain_quietly()
        if isinstance(query, str):
            query = query.encode()
        self._note_statement(query)
        self.untouched = self._clean = self._known = False
        try:
            answer = super().cmd_query(query, *args, **kwargs)
        except DatabaseError as error:
            raise refusal(error) from error.__cause__
        self._known = True
        self.last_used = time.time()
        return answer

    def cmd_stmt_execute(self, *args: Any, **kwargs: Any) -> Any:
        """Run a prepared statement."""
        self.untouched = self._clean = False
        return super().cmd_stmt_execute(*args, **kwargs)

    def cmd_init_db(self, database: str) -> None:
        """Change the current database."""
        self.untouched = self._clean = False
        super().cmd_init_db(database)

    @property
    def connection_id(self) -> int | None:
        """The connection's id on the server, None where it is closed."""
        return None if self.closed else super().connection_id

    @property
    def in_transaction(self) -> bool:
        """Whether the server's last answer says that a transaction is open."""
        return bool(self._status & IN_TRANSACTION)

    def _drain(self) -> None:
        """Read the results that still follow: a procedure's, or those of several statements sent as one."""
        extension = self._cmysql
        try:
            while extension.more_results():
                extension.consume_result()
                extension.next_result()
            extension.consume_result()
        except _mysql_connector.MySQLInterfaceError as error:
            raise get_mysql_exception(error.errno, msg=error.msg, sqlstate=error.sqlstate) from error

    def _drop_unread(self) -> None:
        if not self.closed:
            if self._cmysql.more_results():
                self._drain_quietly()
            self._cmysql.consume_result()

    def _ping(self) -> bool:
        # The extension's ping waits for as long as TCP tries, a quarter of an hour where the peer is a black hole: so it waits in
        # a thread of its own, which a connection given up leaves behind.
        answers: list[bool] = []
        extension = self._cmysql

        def ask() -> None:
            with suppress(_mysql_connector.MySQLInterfaceError):
                answers.append(bool(extension.ping()))

        thread = threading.Thread(target=ask, name="rdspool-ping", daemon=True)
        thread.start()
        thread.join(PING_TIMEOUT)
        if thread.is_alive():
            self._abandon()
        return answers == [True]

    def close(self) -> None:
        """Say goodbye and close; a server that is gone is no error."""
        try:
            super().close()
        except Error:
            pass  # it is closed either way
        finally:
            self._abandon()

    disconnect = close

    def _abandon(self) -> None:
        self._cmysql = None
