"""An open session: its commands and their answers, and what the server's status tells without a round trip."""

from __future__ import annotations

import time
from typing import Any, Final

from mysql.connector.connection import MySQLConnection
from mysql.connector.constants import ClientFlag, ServerCmd
from mysql.connector.conversion import MySQLConverter
from mysql.connector.errors import Error, InternalError, NotSupportedError, OperationalError, get_exception
from mysql.connector.protocol import ERR_STATUS, LOCAL_INFILE_STATUS, OK_STATUS

from . import rows
from .cursor import Cursor
from .packets import SERVER_GONE, PacketSocket
from .status import IN_TRANSACTION, PING_TIMEOUT, Status

MORE_RESULTS: Final = 0x0008
"""Bit of the status: another result follows."""

EOF_LENGTH: Final = 9
"""Bytes of an EOF packet with its header; a row that begins with the same byte is longer than 16 MiB."""


class Session(Status, MySQLConnection):
    """The part of a connection that speaks with the server once it is signed in. `connection.Connection` opens and closes it."""

    _protocol: Any
    _socket: Any
    _columns_desc: Any

    def __init__(self) -> None:
        super().__init__()
        self._status = 0
        self._skip_ping = False

    @property
    def closed(self) -> bool:
        """Whether there is no socket any more: closed by its owner, or given up after a loss."""
        return self._socket is None

    @property
    def channel(self) -> PacketSocket:
        """The socket. Raises OperationalError 2006 where it is closed."""
        channel: PacketSocket | None = self._socket
        if channel is None:
            raise OperationalError("MySQL Connection not available: it is closed", errno=SERVER_GONE)
        return channel

    def _handle_server_status(self, flags: int) -> None:
        self._status = flags
        self._have_next_result = bool(flags & MORE_RESULTS)
        self._in_transaction = bool(flags & IN_TRANSACTION)

    # -- statements ---------------------------------------------------------------------------------------------------------

    def cursor(
        self,
        buffered: bool | None = None,
        raw: bool | None = None,
        prepared: bool | None = None,
        cursor_class: Any = None,
        dictionary: bool | None = None,
        read_timeout: int | None = None,
        write_timeout: int | None = None,
    ) -> Any:
        """Return a cursor, without asking the server whether it is still there: the statement will tell."""
        self.channel  # noqa: B018 - raises where it is closed
        if not (raw or prepared or dictionary or cursor_class or self._raw) and (self._buffered if buffered is None else buffered):
            if self._unread_result:
                self.handle_unread_result()
            return Cursor(self, read_timeout, write_timeout)
        self._skip_ping = True
        try:
            return super().cursor(buffered, raw, prepared, cursor_class, dictionary, read_timeout, write_timeout)
        finally:
            self._skip_ping = False

    def is_connected(self) -> bool:
        """Return whether the server answers a ping."""
        return self._skip_ping or super().is_connected()

    def cmd_query(self, query: Any, raw: bool | None = False, buffered: bool = False, raw_as_string: bool = False, **kwargs: Any) -> Any:
        """Send a statement and return the start of its answer, as the connector's method does."""
        if self._query_attrs:
            self.untouched = self._clean = False
            return super().cmd_query(query, raw, buffered, raw_as_string, **kwargs)
        channel = self.channel
        if self._unread_result:
            self.handle_unread_result()
        if isinstance(query, str):
            query = query.encode()
        self._query = query
        self._local_infile_filenames = None
        self.untouched = self._clean = False
        # No query attributes, one set of parameters: what the protocol wants before the statement where both know attributes.
        head = b"\x03\x00\x01" if self._client_flags & ClientFlag.CLIENT_QUERY_ATTRIBUTES else b"\x03"
        read_timeout = kwargs.get("read_timeout") or self._read_timeout
        try:
            channel.send(head + query, 0, write_timeout=kwargs.get("write_timeout") or self._write_timeout)
            packet = channel.recv(read_timeout)
        except BaseException:
            # Whatever came in between, a lost peer, a time-out or Ctrl-C: the answer may still arrive, to be taken for the next one's.
            self._abandon()
            raise
        return self._answer(packet, read_timeout)

    def _send_cmd(self, command: int, *args: Any, **kwargs: Any) -> Any:
        """Send any other command: the way of prepared statements, procedures and pings."""
        self.channel  # noqa: B018 - raises where it is closed
        self.handle_unread_result()
        if command != ServerCmd.PING:
            self.untouched = self._clean = False
        try:
            return super()._send_cmd(command, *args, **kwargs)
        except BaseException:
            self._abandon()
            raise

    def _answer(self, packet: bytes, read_timeout: int | None) -> Any:
        status = packet[4]
        if status == OK_STATUS:
            self.last_used = time.time()
            return self._handle_ok(packet)
        if status == ERR_STATUS:
            raise get_exception(packet)
        if status == LOCAL_INFILE_STATUS:
            return self._handle_load_data_infile(packet[5:].decode(), read_timeout)
        recv = self.channel.recv
        try:
            count = self._protocol.parse_column_count(packet)
            self._columns_desc = columns = [rows.column(recv(read_timeout)) for _ in range(count or 0)]
            end = recv(read_timeout)
        except BaseException:
            self._abandon()
            raise
        eof = self._handle_eof(end)
        self._unread_result = True
        return {"columns": columns, "eof": eof}

    def get_rows(
        self,
        count: int | None = None,
        binary: bool = False,
        columns: Any = None,
        raw: bool | None = None,
        prep_stmt: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Return the rows that are there to be read, all of them or `count`, and the packet that ends them."""
        if not self._unread_result:
            raise InternalError("No result set available")
        if binary or raw or self._raw or type(self.converter) is not MySQLConverter:
            return super().get_rows(count, binary, columns, raw, prep_stmt, **kwargs)
        packets, end = self._row_packets(count, kwargs.get("read_timeout") or self._read_timeout)
        eof = None
        if end is not None:
            self._unread_result = False
            if end[4] == ERR_STATUS:
                raise get_exception(end)
            eof = self._protocol.parse_eof(end)
            self._handle_server_status(eof["status_flag"])
            self.last_used = time.time()
        # Only now, when the answer is read to its end: a value that can't be converted leaves the connection in step.
        convert = rows.converters(self._columns_desc, self.converter)
        return [rows.row(packet, convert) for packet in packets], eof

    def _row_packets(self, count: int | None, read_timeout: int | None) -> tuple[list[bytes], bytes | None]:
        """Return the packets of `count` rows (None: all), and the one that ends the result where it was reached."""
        recv = self.channel.recv
        packets: list[bytes] = []
        try:
            while count is None or len(packets) < count:
                packet = recv(read_timeout)
                first = packet[4]
                if first >= 0xFE and (first == ERR_STATUS or len(packet) <= EOF_LENGTH):
                    return packets, packet
                if packet[:3] == b"\xff\xff\xff":
                    packet = self._rest_of(packet, read_timeout)
                packets.append(packet)
        except BaseException:
            self._abandon()
            raise
        return packets, None

    def _rest_of(self, packet: bytes, read_timeout: int | None) -> bytes:
        """Return a row that came in several packets of 16 MiB as one."""
        parts = [packet]
        while packet[:3] == b"\xff\xff\xff":
            packet = self.channel.recv(read_timeout)
            parts.append(packet[4:])
        return b"".join(parts)

    def cmd_change_user(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: the connector's own would log the password."""
        raise NotSupportedError("rdspool's connection keeps its user: make another connection for another user")

    def _drop_unread(self) -> None:
        if self._unread_result:
            self.get_rows()

    def _gone(self) -> bool:
        return self.closed or self.channel.at_end()

    def _ping(self) -> bool:
        channel = self.channel
        try:
            channel.set_connection_timeout(PING_TIMEOUT)
            self.cmd_ping()
            channel.set_connection_timeout(None)
        except Error:
            return False
        return True

    def _abandon(self) -> None:
        """Close the socket at once: nothing can be read from it any more that would be in step."""
        channel, self._socket = self._socket, None
        self._unread_result = False
        self._status = 0
        if channel is not None:
            channel.close_connection()
