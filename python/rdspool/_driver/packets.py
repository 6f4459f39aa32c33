"""MySQL packets over a stream of bytes.

Two reads per packet (header, payload), each through TLS, are what stock does; a result of 10 rows is some 30 packets. This reads what
has arrived and cuts packets out of it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

from mysql.connector.errors import Error, OperationalError

from ..errors import ProtocolError
from . import compiled, transport
from .byte_stream import READ_SIZE, ByteStream, closed_error
from .error_numbers import MALFORMED_PACKET, SERVER_LOST
from .responses import parse_error, parse_leave

if TYPE_CHECKING:
    from .rows import Converters

MAX_PAYLOAD: Final = 0xFFFFFF
"""Bytes in one packet at most. A payload of this size or more goes on in the next packet."""

DEFAULT_MAX_ALLOWED_PACKET: Final = 128 * 1024 * 1024
"""Bytes in one row, or any other answer, at most. Twice the default of MySQL 8 and later; a function of 128 MB could not hold more."""

MAXIMUM_MAX_ALLOWED_PACKET: Final = 1024 * 1024 * 1024
"""Bytes: the servers' own maximum (MySQL Reference Manual, system variable max_allowed_packet)."""

SIGN_IN_BYTES: Final = 64 * 1024
"""Bytes in one answer during the sign-in, at most: a greeting has about 100, and whoever sends it is not verified yet."""

_LAST_WORD_TIMEOUT: Final = 1.0
"""Seconds: what a server has said before it closed has arrived, or does not come."""

EOF: Final = 0xFE
ERR: Final = 0xFF
EOF_SIZE: Final = 9
"""A payload that begins with 0xFE and is shorter than this is an EOF packet."""


class PacketStream(ByteStream):
    """Sends and receives packets. It checks that each is the next in its sequence."""

    def __init__(self, connected: socket.socket, host: str, port: int) -> None:
        """Take a connected socket."""
        super().__init__(connected, host, port)
        self.max_allowed_packet = DEFAULT_MAX_ALLOWED_PACKET
        self.limit_name = "max_allowed_packet"
        """What `max_allowed_packet` is called where it was set, for messages."""
        self.signing_in = False
        """Whether the sign-in is still going on: then answers are bounded by `SIGN_IN_BYTES`."""
        self.ok_ends_rows = False
        """Whether rows are ended by an OK packet, with the type 0xFE (the capability DEPRECATE_EOF), and nothing stands between columns and rows;
        else EOF packets stand behind both."""
        self._expected = 0

    # -- sending ------------------------------------------------------------------------------------------------------------

    def send_command(self, payload: bytes, timeout: float | None = None) -> None:
        """Send a command, which begins a new sequence.

        Raises the error with which the server has taken its leave, such as 4031 after `wait_timeout`, OperationalError 2013 where it
        has closed without one, ProtocolError where it has sent anything else unasked: in all cases the command was not sent.
        """
        if self._at != len(self._buffer) or self._poll(0):
            self._check_nothing_came()
        self._buffer, self._at, self._expected = b"", 0, 0
        self.send(payload, timeout)

    def calls(self) -> tuple[int, Callable[[bytes], int], Callable[[int], bytes], int, bool] | None:
        """Return what an exchange in C takes (`Exchange.ready` in _compiled.pyi); None where it can't be: something came before."""
        if compiled.in_c is None or self.socket is None or self._at != len(self._buffer):
            return None
        return self.socket.fileno(), *transport.calls(self.socket), READ_SIZE, self.ok_ends_rows

    def go_on(self, payload: bytes, came: bytes | int | BaseException, sent: bool, read_timeout: float | None) -> None:
        """Go on where the exchange of a command in C has stopped, with what it has returned: see _compiled_exchange.c, usual().

        `sent`: whether the command was sent, whole. Raises as `send_command()` and `receive()` do.
        """
        self._buffer, self._at, self._expected = b"", 0, 1
        if isinstance(came, bytes):
            self._buffer = came
        elif isinstance(came, int):
            self._send_rest(payload, came)
        elif not isinstance(came, OSError):
            raise came
        elif not sent:
            raise self._not_sent(came) from came
        elif not (isinstance(came, TimeoutError) and came.errno is None and read_timeout is None and self.waiting.error() is None):
            raise self._failure(came, "answer", "reading") from came
        # else the socket's time-out was that of an earlier limit: receive() waits on

    def _send_rest(self, payload: bytes, sent: int) -> None:
        """Send what is left of a command's packet, of which the socket has taken some bytes."""
        try:
            self._write(len(payload).to_bytes(4, "little") + payload, sent)
        except OSError as error:
            raise self._not_sent(error) from error

    def send_flight(self, payloads: Sequence[bytes]) -> None:
        """Send several commands at once. After the answer to one, `next_answer()` goes on to that of the next."""
        if self._at != len(self._buffer) or self._poll(0):
            self._check_nothing_came()
        self._buffer, self._at = b"", 0
        self._expected = 1
        self._send(b"".join(len(payload).to_bytes(3, "little") + b"\0" + payload for payload in payloads))

    def next_answer(self) -> None:
        """Go on to the answer to the next command of a flight: its sequence begins anew."""
        self._expected = 1

    def _send(self, data: bytes) -> None:
        if self.socket is None:
            raise closed_error()
        self._set_timeout(None)
        try:
            self._write(data)
        except OSError as error:
            raise self._failure(error, "take the statements", "sending") from error

    def _check_nothing_came(self) -> None:
        if self.socket is None or not self.at_end():
            return
        if self._at != len(self._buffer):
            leave = parse_leave(self._buffer[self._at :])
            if leave is not None:
                raise leave
            raise ProtocolError(
                f"{self.address} sent more than the answers to the statements before: the next answer could be taken for another's",
                errno=MALFORMED_PACKET,
            )
        raise OperationalError(
            f"Lost connection to MySQL server at {self.address}: it closed the connection before the statement was sent", errno=SERVER_LOST
        )

    def send(self, payload: bytes | bytearray, timeout: float | None = None) -> None:
        """Send `payload` as the next packet, or as several where it has 16 MiB or more."""
        if self.socket is None:
            raise closed_error()
        self._set_timeout(timeout)
        try:
            while len(payload) >= MAX_PAYLOAD:
                self._write(b"\xff\xff\xff" + self._next().to_bytes() + payload[:MAX_PAYLOAD])
                payload = payload[MAX_PAYLOAD:]
            self._write(len(payload).to_bytes(3, "little") + self._next().to_bytes() + payload)
        except OSError as error:
            raise self._not_sent(error) from error

    def _not_sent(self, error: OSError) -> Error:
        """Return the error for a packet that could not be sent: the server's own, where it said why."""
        # Not during the sign-in: what an unverified peer says is no reason for anything.
        said = None if isinstance(error, TimeoutError) or self.signing_in else self._last_word()
        return said or self._failure(error, "take the statement", "sending")

    def _last_word(self) -> Error | None:
        """Return the error with which the server has closed the connection, as for a statement beyond its max_allowed_packet."""
        try:
            self._fill(5, _LAST_WORD_TIMEOUT)
            self._expected = self._buffer[self._at + 3]  # a server counts only the packets that it has read
            payload = self.receive(_LAST_WORD_TIMEOUT)
            return parse_error(payload) if payload[0] == ERR else None
        except (Error, OSError, IndexError):
            return None

    def _next(self) -> int:
        number = self._expected
        self._expected = number + 1 & 0xFF
        return number

    # -- receiving ----------------------------------------------------------------------------------------------------------

    def receive(self, timeout: float | None = None) -> bytes:
        """Return the next payload, whole.

        Raises ProtocolError for one that is out of sequence or larger than `max_allowed_packet`, OperationalError for a lost connection.
        """
        if self._at == len(self._buffer):
            self._buffer, self._at = self._read(timeout), 0
        at, buffer = self._at, self._buffer
        start = at + 4
        if start <= len(buffer):
            end = start + (buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16)
            if end <= len(buffer) and end - start != MAX_PAYLOAD:
                if buffer[at + 3] != self._expected:
                    self._out_of_sequence(buffer[at + 3])
                self._at = end
                self._expected = self._expected + 1 & 0xFF
                return buffer[start:end]
        return self._receive_slowly(timeout)

    def skip(self, header: bytes, next_number: int, timeout: float | None = None) -> bool:
        """Go past the packets in `header`, where they come next. `next_number` is the number of the packet behind them.

        Return whether they came. Where something else came, or not all of it has arrived, nothing is passed.
        """
        if self._at == len(self._buffer):
            self._buffer, self._at = self._read(timeout), 0
        if not header or not self._buffer.startswith(header, self._at):
            return False
        self._at += len(header)
        self._expected = next_number
        return True

    def is_end(self, payload: bytes) -> bool:
        """Return whether a payload, in place of a row, ends the rows: by an error, an EOF packet or an OK packet.

        A row whose first value has 16 MiB or more begins with 0xFE too, and fills a packet.
        """
        first = payload[0] if payload else 0
        return first == ERR or (first == EOF and len(payload) < (MAX_PAYLOAD if self.ok_ends_rows else EOF_SIZE))

    def _receive_slowly(self, timeout: float | None) -> bytes:
        """Return the next payload where it has not arrived whole, or has several packets."""
        parts: list[bytes] = []
        total = 0
        while True:
            self._fill(4, timeout)
            at, buffer = self._at, self._buffer
            size = buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16
            if buffer[at + 3] != self._expected:
                self._out_of_sequence(buffer[at + 3])
            total += size
            if self.signing_in and total > SIGN_IN_BYTES:
                raise ProtocolError(f"{self.address} sent more than {SIGN_IN_BYTES:,} bytes during the sign-in", errno=MALFORMED_PACKET)
            if total > self.max_allowed_packet:
                raise ProtocolError(
                    f"{self.address} sent an answer of more than {self.max_allowed_packet:,} bytes in one row ({self.limit_name}): "
                    f"select less, or raise {self.limit_name}",
                    errno=MALFORMED_PACKET,
                )
            self._fill(4 + size, timeout)
            self._expected = self._expected + 1 & 0xFF
            start = self._at + 4
            self._at = start + size
            parts.append(self._buffer[start : self._at])
            if size != MAX_PAYLOAD:
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def receive_rows(
        self, most: int | None, timeout: float | None = None, convert: Converters | None = None
    ) -> tuple[list[Any], bytes | None]:
        """Return the next rows, `most` of them (None: all), and the payload that ends them where it was reached.

        Each row is its payload. With `convert` rows are read as they come, up to the first that can't be read in C: `rows.read()` reads those
        that are left.
        """
        rows: list[Any] = []
        take_rows, one = (convert.take, convert.one) if convert is not None else (None, None)
        while most is None or len(rows) < most:
            buffer, before = self._buffer, len(rows)
            left = len(buffer) + 1 if most is None else most - before  # more than the buffer can hold, even where it is empty
            at = (take_rows or take)(buffer, self._at, self._expected, left, rows)
            self._expected = self._expected + len(rows) - before & 0xFF
            if at < 0:
                self._at, take_rows, one = -at - 1, None, None
                continue
            self._at = at
            if len(rows) - before == left:
                break
            # Not whole yet, in several packets, out of its sequence, or perhaps the end.
            payload = self.receive(timeout)
            if self.is_end(payload):
                return rows, payload
            row = None if one is None else one(payload)
            if row is None:
                take_rows = one = None
            rows.append(row or payload)
        return rows, None

    def _out_of_sequence(self, found: int) -> NoReturn:
        raise ProtocolError(
            f"{self.address} sent a packet out of its sequence (number {found}, expected {self._expected})", errno=MALFORMED_PACKET
        )


def take(buffer: bytes, at: int, number: int, most: int, found: list[Any]) -> int:
    """Append the payloads of the rows that are whole in the buffer, from the position `at` on, and return the position behind them.

    It takes at most `most`, and only packets with the numbers from `number` on; it stops at all else. One loop without a call per row:
    10,000 rows are 10,000 packets.
    """
    append, size = found.append, len(buffer)
    while most > 0:
        start = at + 4
        if start > size:
            break
        end = start + (buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16)
        if end > size or end - start == MAX_PAYLOAD or end == start or buffer[start] >= EOF or buffer[at + 3] != number:
            break
        append(buffer[start:end])
        at = end
        number = number + 1 & 0xFF
        most -= 1
    return at
