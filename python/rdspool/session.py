"""An open session of the pure driver: its commands and their answers, read so that none is ever taken for another's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, NoReturn

from mysql.connector.connection import MySQLConnection
from mysql.connector.constants import ClientFlag, ServerCmd
from mysql.connector.conversion import MySQLConverter
from mysql.connector.errors import Error, InternalError, NotSupportedError, OperationalError, ProgrammingError, get_exception
from mysql.connector.protocol import ERR_STATUS, LOCAL_INFILE_STATUS, OK_STATUS

from . import rows
from .cursor import Cursor
from .packets import SERVER_GONE, SERVER_LOST, PacketSocket
from .status import IN_TRANSACTION, PING_TIMEOUT, Status, refusal

MORE_RESULTS: Final = 0x0008
"""Bit of the status: another result follows."""

EOF_LENGTH: Final = 9
"""Bytes of an EOF packet with its header; a row that begins with the same byte is longer than 16 MiB."""


def _told(answer: Any) -> Any:
    """Return an answer, raise a refusal."""
    if isinstance(answer, Error):
        raise answer
    return answer


class Session(Status, MySQLConnection):
    """The part of a connection that speaks with the server once it is signed in. `connection.Connection` opens and closes it."""

    _protocol: Any
    _socket: Any
    _columns_desc: Any

    def __init__(self) -> None:
        super().__init__()
        self._status = 0
        self._skip_ping = False
        self._busy = False
        """Whether an answer is being read: found set by the next command where something interrupted it."""

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
        self._known = True
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
        if prepared and buffered is None:
            buffered = False  # the connector has no buffered cursor for prepared statements
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
        channel = self._begin()
        if self._query_attrs:
            return self._guarded(super().cmd_query, query, raw, buffered, raw_as_string, **kwargs)
        if isinstance(query, str):
            query = query.encode()
        self._query = query
        self._local_infile_filenames = None
        self._note_statement(query)
        # No query attributes, one set of parameters: what the protocol wants before the statement where both know attributes.
        head = b"\x03\x00\x01" if self._client_flags & ClientFlag.CLIENT_QUERY_ATTRIBUTES else b"\x03"
        read_timeout = kwargs.get("read_timeout") or self._read_timeout
        self._busy = True
        try:
            channel.send(head + query, 0, write_timeout=kwargs.get("write_timeout") or self._write_timeout)
            answer = self._answer(channel.recv(read_timeout), read_timeout)
        except BaseException:
            # Whatever came in between, a lost peer, a time-out or Ctrl-C: the answer may still arrive, to be taken for the next one's.
            self._abandon()
            raise
        self._busy = False
        return _told(answer)

    def _begin(self) -> PacketSocket:
        """Return the socket for a new command, with all answers before it read to their end."""
        channel = self.channel
        if self._busy:
            self._give_up()
        if self._unread_result:
            self.handle_unread_result()
        if self._have_next_result:
            self._drain_quietly()
        self.untouched = self._clean = False
        return channel

    def _give_up(self) -> NoReturn:
        """Close a connection whose answer was interrupted half-way, for example by an exception out of a signal's handler."""
        self._abandon()
        raise OperationalError("Lost connection to MySQL server: the statement before was interrupted in its answer", errno=SERVER_LOST)

    def _guarded(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a method of the connector's that reads from the server; close the connection where it fails within an answer."""
        try:
            return method(*args, **kwargs)
        except (InternalError, ProgrammingError, NotSupportedError):
            self._known = False
            raise  # the server's refusal, or a wrong use that read nothing
        except Error as error:
            self._known = False
            if error.sqlstate is None:
                self._abandon()
            raise
        except BaseException:
            self._abandon()
            raise

    def _send_cmd(self, command: int, *args: Any, **kwargs: Any) -> Any:
        """Send any other command: the way of prepared statements, procedures and pings."""
        before = self.untouched, self._clean
        self._begin()
        if command == ServerCmd.PING:
            self.untouched, self._clean = before
        try:
            return super()._send_cmd(command, *args, **kwargs)
        except BaseException:
            self._abandon()
            raise

    def cmd_stmt_prepare(self, statement: bytes, **kwargs: Any) -> Any:
        """Prepare a statement on the server."""
        return self._guarded(super().cmd_stmt_prepare, statement, **kwargs)

    def cmd_stmt_execute(self, *args: Any, **kwargs: Any) -> Any:
        """Run a prepared statement."""
        return self._guarded(super().cmd_stmt_execute, *args, **kwargs)

    def _handle_result(self, packet: bytes, read_timeout: int | None = None, write_timeout: int | None = None) -> Any:
        """Read the start of an answer: the way of nextset() and of procedures."""
        try:
            answer = self._answer(packet, read_timeout)
        except BaseException:
            self._abandon()
            raise
        return _told(answer)

    def _answer(self, packet: bytes, read_timeout: int | None) -> Any:
        """Return what `packet` begins, read up to its rows; a refusal as an exception that is not raised: what is raised is a loss."""
        status = packet[4]
        if status == OK_STATUS:
            self.last_used = time.time()
            return self._handle_ok(packet)
        if status == ERR_STATUS:
            return self._refused(get_exception(packet))
        if status == LOCAL_INFILE_STATUS:
            try:
                return self._handle_load_data_infile(packet[5:].decode(), read_timeout)
            except Error as error:
                if error.sqlstate is None:
                    raise
                return self._refused(error)
        recv = self.channel.recv
        encoding = self.python_charset
        count = self._protocol.parse_column_count(packet)
        self._columns_desc = columns = [rows.column(recv(read_timeout), encoding) for _ in range(count or 0)]
        end = recv(read_timeout)
        if end[4] == ERR_STATUS:
            return self._refused(get_exception(end))
        eof = self._handle_eof(end)
        self._unread_result = True
        return {"columns": columns, "eof": eof}

    def _refused(self, error: Any) -> Error:
        # An ERR packet carries no status: a procedure that failed can have left a transaction open.
        self._known = False
        self._have_next_result = False
        self.last_used = time.time()
        return refusal(error)

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
            # A converter of the user's that fails would leave the rest of the rows to whoever comes next.
            try:
                return super().get_rows(count, binary, columns, raw, prep_stmt, **kwargs)
            except BaseException as error:
                if getattr(error, "sqlstate", None) is None:
                    self._abandon()
                raise
        packets, eof = self._row_packets(count, kwargs.get("read_timeout") or self._read_timeout)
        # Only now, when the answer is read to its end: a value that can't be converted leaves the connection in step.
        convert = rows.converters(self._columns_desc, self.converter)
        return [rows.row(packet, convert) for packet in packets], eof

    def _row_packets(self, count: int | None, read_timeout: int | None) -> tuple[list[bytes], Any]:
        """Return the packets of `count` rows (None: all), and what the result's end says where it was reached."""
        recv = self.channel.recv
        packets: list[bytes] = []
        self._busy = True
        try:
            while count is None or len(packets) < count:
                packet = recv(read_timeout)
                first = packet[4]
                if first >= 0xFE and (first == ERR_STATUS or len(packet) <= EOF_LENGTH):
                    return packets, self._end_of_rows(packet)
                if packet[:3] == b"\xff\xff\xff":
                    packet = self._rest_of(packet, read_timeout)
                packets.append(packet)
            self._busy = False
        finally:
            if self._busy:
                self._abandon()
        return packets, None

    def _end_of_rows(self, packet: bytes) -> Any:
        self._unread_result = False
        error = self._refused(get_exception(packet)) if packet[4] == ERR_STATUS else None
        eof = None
        if error is None:
            eof = self._protocol.parse_eof(packet)
            self._handle_server_status(eof["status_flag"])
            self.last_used = time.time()
        self._busy = False
        if error is not None:
            raise error
        return eof

    def _drain(self) -> None:
        """Read the results that still follow: a procedure's, or those of several statements sent as one."""
        while self._have_next_result:
            answer = self._handle_result(self.channel.recv(self._read_timeout), self._read_timeout)
            if "columns" in answer:
                self._row_packets(None, self._read_timeout)

    def _rest_of(self, packet: bytes, read_timeout: int | None) -> bytes:
        """Return a row that came in several packets of 16 MiB as one."""
        parts = [packet]
        while packet[:3] == b"\xff\xff\xff":
            packet = self.channel.recv(read_timeout)
            parts.append(packet[4:])
        return b"".join(parts)

    def _drop_unread(self) -> None:
        if self._busy:
            self._give_up()
        if self._unread_result:
            self._row_packets(None, self._read_timeout)
        if self._have_next_result:
            self._drain_quietly()

    def _gone(self) -> bool:
        return self.closed or self._busy or self.channel.at_end()

    def _ping(self) -> bool:
        try:
            self._handle_ok(self._send_cmd(ServerCmd.PING, read_timeout=PING_TIMEOUT, write_timeout=PING_TIMEOUT))
        except Error:
            return False
        return True

    def _abandon(self) -> None:
        """Close the socket at once: nothing can be read from it any more that would be in step."""
        channel, self._socket = self._socket, None
        self._unread_result = self._have_next_result = self._busy = False
        self._status = 0
        if channel is not None:
            channel.close_connection()
