"""The lean connection of the C driver: the connector's C extension, with the same waste left out as in the pure one.

Worth its size for large results, which it reads in less than half of the pure driver's CPU; a reconnect costs it more. The
extension brings its own TLS, so what `tls.py` and `resumption.py` do has no part in it.
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
from mysql.connector.cursor_cext import CMySQLCursorBuffered
from mysql.connector.errors import Error, NotSupportedError, OperationalError, ProgrammingError, get_mysql_exception

from .cursor import substitute
from .packets import SERVER_GONE
from .secret import Secret
from .status import PING_TIMEOUT, Status


def _year_in_full(value: Any) -> Any:
    """Return a date before the year 1000 as text: the extension writes 99 in two digits, which the server takes for 1999."""
    if isinstance(value, datetime.date) and value.year < 1000:
        return str(value.replace(tzinfo=None) if isinstance(value, datetime.datetime) else value)
    return value


class CCursor(CMySQLCursorBuffered):
    """Reads the whole result within `execute()`."""

    _connection: Any

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
        # The extension counts whole seconds.
        self._connection_timeout = math.ceil(self._connection_timeout or 0)
        self._ssl = {"ca": ca, "verify_cert": True, "verify_identity": True}

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"id={self.connection_id}"
        return f"<rdspool C connection {self._user}@{self._host}:{self._port} {state}>"

    def open(self) -> None:
        """Connect, verify the server, sign in and set the session up; leave nothing open on failure."""
        self._charset_id = self._character_set.get_charset_info(self._names[0])[0]
        try:
            self._sign_in()
            self._charset_id = self._character_set.get_charset_info(*self._names)[0]
            self.cmd_query(self._session_start())
            if self._init_command:
                self.cmd_query(self._init_command)
        except BaseException:
            self._abandon()
            raise
        self.untouched = self._clean = True

    def _sign_in(self) -> None:
        self._password = self._secret.reveal()
        try:
            self._open_connection()
        except Error as error:
            # The connector's frames hold the password in their variables: the error goes on without them.
            raise error.with_traceback(None) from None
        finally:
            self._password = ""

    def connect(self, **options: Any) -> None:
        """Open anew, after `close()` or a loss, with the options given at first; new ones are refused."""
        if options:
            raise NotSupportedError("rdspool's connection takes its options when it is made: make another one")
        self.close()
        self.open()

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
        if not (raw or prepared or dictionary or cursor_class or self._raw) and (buffered or self._buffered):
            self.handle_unread_result()
            return CCursor(self)
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
        if isinstance(params, dict):
            return super().prepare_for_mysql({name: _year_in_full(value) for name, value in params.items()})
        return super().prepare_for_mysql([_year_in_full(value) for value in params])

    def cmd_query(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        """Send a statement and return the start of its answer, as the connector's method does."""
        if self.closed:
            raise OperationalError("MySQL Connection not available: it is closed", errno=SERVER_GONE)
        self.untouched = self._clean = False
        answer = super().cmd_query(query, *args, **kwargs)
        self.last_used = time.time()
        return answer

    def cmd_change_user(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: the connector's own would log the password."""
        raise NotSupportedError("rdspool's connection keeps its user: make another connection for another user")

    def _drop_unread(self) -> None:
        if self._cmysql is not None:
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
