"""The lean connection of the pure driver: how it is opened, set up and closed.

The connector's own with its waste left out: the TLS context made per connect, the second SET; `session.py` leaves out the ping
before each cursor, `status.py` the ROLLBACK and COMMIT of no transaction, `packets.py` the second read per packet. The sign-in is
`signin.py`'s.
"""

from __future__ import annotations

import ssl
from typing import Any

from mysql.connector.constants import ClientFlag, ServerCmd
from mysql.connector.errors import Error, NotSupportedError
from mysql.connector.protocol import MySQLProtocol

from . import signin
from .packets import PacketSocket
from .secret import Secret
from .session import Session


class Connection(Session):
    """A connection to one server. `driver.connect()` makes it."""

    def __init__(
        self, *, secret: Secret, tls: ssl.SSLContext, plugin: str | None = None, wait_timeout: int | None = None, **options: Any
    ) -> None:
        """Prepare a connection without opening it.

        `tls` verifies the server; `plugin` is the sign-in plugin to begin with; `wait_timeout` (seconds) is the session's idle
        limit; `options` are the connector's own.
        """
        super().__init__()
        self._secret = secret
        self._tls = tls
        self._plugin = plugin
        self._take(wait_timeout, options)

    def __repr__(self) -> str:
        state = f"id={self.connection_id}" if self._socket is not None and self._handshake else "closed"
        return f"<rdspool connection {self._user}@{self._host}:{self._port} {state}>"

    # -- opening ------------------------------------------------------------------------------------------------------------

    def _open_connection(self) -> None:
        self._protocol = MySQLProtocol()
        channel = PacketSocket(self._host, self._port, self._force_ipv6)
        try:
            channel.open(float(self._connection_timeout or 0) or None)  # type: ignore[arg-type]
            hello = signin.greeting(channel)
            self._server_version = self._check_server_version(hello["server_version_original"])
            self._character_set.set_mysql_version(self._server_version)
            self._charset_id = self._character_set.get_charset_info(*self._names)[0]
            self._query_attrs_supported = hello["capabilities"] & ClientFlag.CLIENT_QUERY_ATTRIBUTES
            if self._query_attrs_supported:
                self.client_flags = [ClientFlag.CLIENT_QUERY_ATTRIBUTES]
            login = signin.Login(
                user=self._user,
                secret=self._secret,
                database=self._database,
                client_flags=self._client_flags,
                collation_id=self._charset_id,
                attributes=self._conn_attrs,
                plugin=self._plugin,
                tls=self._tls,
            )
            accepted = signin.sign_in(channel, hello, login)
        except BaseException:
            channel.close_connection()
            raise
        self._handshake = hello
        self._socket = channel
        self._ssl_active = True
        self._handle_ok(accepted)
        self.converter_class = self._converter_class

    def _post_connection(self) -> None:
        """Set the session up with one SET: names, autocommit, idle limit and what else the settings ask for."""
        self.cmd_query(self._session_start())
        charset = self._character_set.get_charset_info(self._charset_id)[1]
        self.converter.set_charset(charset, character_set=self._character_set)
        if self._init_command:
            self._execute_query(self._init_command)
        assert self._socket is not None
        self._socket.set_connection_timeout(None)
        self.untouched = self._clean = True

    def open(self) -> None:
        """Connect, verify the server, sign in and set the session up; leave nothing open on failure."""
        try:
            self._open_connection()
            self._post_connection()
        except BaseException:
            self._abandon()
            raise

    # -- checks, closing ---------------------------------------------------------------------------------------

    def ping(self, reconnect: bool = False, attempts: int = 1, delay: int = 0) -> None:
        """Ask the server for a sign of life. Raises InterfaceError; `reconnect` is the pool's part and refused."""
        if reconnect:
            raise NotSupportedError("rdspool's connection does not reconnect by itself: the pool makes a new one")
        super().ping()

    def close(self) -> None:
        """Say goodbye and close the socket; a server that is gone is no error."""
        channel = self._socket
        if channel is None:
            return
        try:
            if not self._unread_result:
                channel.send(ServerCmd.QUIT.to_bytes(), 0)
        except Error:
            pass  # it is closed either way
        finally:
            self._abandon()

    disconnect = close
