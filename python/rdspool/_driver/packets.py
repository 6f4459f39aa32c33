"""MySQL packets over a socket, read through one buffer.

Two reads per packet (header, payload), each through TLS, are what stock does; a result of 10 rows is some 30 packets. This reads what
has arrived and cuts packets out of it.
"""

from __future__ import annotations

import select
import socket
import ssl
from typing import Final, NoReturn

from mysql.connector.errors import Error, OperationalError

from ..errors import ProtocolError, StatementTimeoutError
from . import transport
from .error_numbers import CONNECTION_FAILED, MALFORMED_PACKET, SERVER_GONE, SERVER_LOST, TIMED_OUT, TLS_FAILED
from .responses import parse_error
from .waiting import SLACK, Waiting

READ_SIZE: Final = 65536
"""Bytes asked of the socket at once. TLS hands out at most one record, 16 KiB, at a time."""

MAX_PAYLOAD: Final = 0xFFFFFF
"""Bytes in one packet at most. A payload of this size or more goes on in the next packet."""

DEFAULT_MAX_ALLOWED_PACKET: Final = 128 * 1024 * 1024
"""Bytes in one row, or any other answer, at most. Twice the default of MySQL 8 and later; a function of 128 MB could not hold more."""

SIGN_IN_BYTES: Final = 64 * 1024
"""Bytes in one answer during the sign-in, at most: a greeting has about 100, and whoever sends it is not verified yet."""

_LAST_WORD_TIMEOUT: Final = 1.0
"""Seconds: what a server has said before it closed has arrived, or does not come."""

EOF: Final = 0xFE
ERR: Final = 0xFF
EOF_SIZE: Final = 9
"""A payload that begins with 0xFE and is shorter than this ends the rows; a longer one is a row whose first value has 16 MiB or more."""


class PacketStream:
    """Sends and receives packets. It checks that each is the next in its sequence."""

    def __init__(self, connected: socket.socket, host: str, port: int, timeout: float | None = None) -> None:
        """Take a connected socket. `timeout` is in seconds and holds for a read or a write that names none; None: wait for ever."""
        self.socket: socket.socket | None = connected
        self.host = host
        self.address = f"{host}:{port}"
        self.max_allowed_packet = DEFAULT_MAX_ALLOWED_PACKET
        self.signing_in = False
        """Whether the sign-in is still going on: then answers are bounded by `SIGN_IN_BYTES`."""
        self._buffer = b""
        self._at = 0
        self._expected = 0
        self._default_timeout = timeout
        self._timeout = timeout
        connected.settimeout(timeout)
        self.waiting = Waiting(self.address)
        """When its waits end."""
        # Asked before each command; the descriptor stays the same when TLS is wrapped around the socket.
        poller = select.poll()
        poller.register(connected.fileno(), select.POLLIN)
        self._poll = poller.poll

    def __repr__(self) -> str:
        return f"<PacketStream {self.address} {'closed' if self.socket is None else 'open'}>"

    # -- the socket ----------------------------------------------------------------------------------------------------------

    def start_tls(self, context: ssl.SSLContext, session: ssl.SSLSession | None) -> None:
        """Run the TLS handshake, which verifies the server. Raises InterfaceError."""
        if self._at != len(self._buffer):
            # Bytes sent before TLS that the client has not asked for can only come from someone in between.
            raise ProtocolError(f"{self.address} sent data ahead of the TLS handshake", errno=TLS_FAILED)
        assert self.socket is not None
        self._set_timeout(None)
        self.socket = transport.start_tls(self.socket, self.host, self.address, context, session)

    def set_default_timeout(self, seconds: float | None) -> None:
        """Set how long a read or a write waits where it names no time of its own."""
        self._default_timeout = seconds
        self._set_timeout(None)

    def _set_timeout(self, seconds: float | None) -> None:
        """Let the next wait end after `seconds` (None: the default), or at the limit where that is earlier. Raises DeadlineError past it."""
        if seconds is None:
            seconds = self._default_timeout
        left = self.waiting.left()
        if left is not None and (seconds is None or left < seconds):
            if self._timeout is not None and left <= self._timeout <= left + SLACK:
                return
            seconds = left
        if seconds != self._timeout and self.socket is not None:
            self.socket.settimeout(seconds)
            self._timeout = seconds

    def arrives_within(self, seconds: float) -> bool:
        """Wait for the peer's next bytes, `seconds` at most. Return whether some came, or its end."""
        return bool(self._poll(max(0, round(seconds * 1000))))

    def acknowledged(self) -> bool:
        """Return whether the peer's kernel has acknowledged all that was sent: then the network works, however long the server takes."""
        return self.socket is not None and transport.acknowledged(self.socket)

    @property
    def peer(self) -> str:
        """The address, without a name, that the socket is connected to. Raises OperationalError where it is closed."""
        if self.socket is None:
            raise closed_error()
        return str(self.socket.getpeername()[0])

    def at_end(self) -> bool:
        """Return whether the peer has closed, or sent something unasked, as a server does before it closes. No round trip.

        Silence proves nothing: a frozen environment can have missed the peer's end of the connection.
        """
        if self.socket is None or self._at != len(self._buffer):
            return True
        if not self._poll(0):
            return False
        found = transport.arrived(self.socket, self._timeout, READ_SIZE)
        if found:
            self._buffer, self._at = found, 0
        return found != b""

    def close(self) -> None:
        """Close the socket at once. It is not shut down: in the child of a fork that would end the parent's connection."""
        closed, self.socket = self.socket, None
        self._buffer, self._at = b"", 0
        if closed is not None:
            closed.close()

    def __del__(self) -> None:
        self.close()

    # -- sending ------------------------------------------------------------------------------------------------------------

    def send_command(self, payload: bytes, timeout: float | None = None) -> None:
        """Send a command, which begins a new sequence.

        Raises ProtocolError where the server has sent more than it was asked for, OperationalError 2013 where it has closed: in
        both cases the command was not sent.
        """
        if self._at != len(self._buffer) or self._poll(0):
            self._check_nothing_came()
        self._buffer, self._at, self._expected = b"", 0, 0
        self.send(payload, timeout)

    def _check_nothing_came(self) -> None:
        if self.socket is None or not self.at_end():
            return
        if self._at != len(self._buffer):
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
            # Not during the sign-in: what an unverified peer says is no reason for anything.
            told = None if isinstance(error, TimeoutError) or self.signing_in else self._last_word()
            raise told or self._failure(error, "take the statement", "sending") from error

    def _last_word(self) -> Error | None:
        """Return the error with which the server has closed the connection, as for a statement beyond its max_allowed_packet."""
        try:
            self._set_timeout(_LAST_WORD_TIMEOUT)
            self._fill(5)
            self._expected = self._buffer[self._at + 3]  # a server counts only the packets that it has read
            payload = self.receive(_LAST_WORD_TIMEOUT)
            return parse_error(payload) if payload[0] == ERR else None
        except (Error, OSError, IndexError):
            return None

    def _next(self) -> int:
        number = self._expected
        self._expected = number + 1 & 0xFF
        return number

    def _write(self, data: bytes | bytearray) -> None:
        assert self.socket is not None
        sent = self.socket.send(data)  # all of it, but for the largest
        while sent != len(data):
            if self.waiting.bound is not None:
                self._set_timeout(self._timeout)  # so that a peer that takes a little at a time ends at the limit too
            sent += self.socket.send(memoryview(data)[sent:])

    # -- receiving ----------------------------------------------------------------------------------------------------------

    def receive(self, timeout: float | None = None) -> bytes:
        """Return the next payload, whole.

        Raises ProtocolError for one that is out of sequence or larger than `max_allowed_packet`, OperationalError for a lost connection.
        """
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

    def _receive_slowly(self, timeout: float | None) -> bytes:
        """Return the next payload where it has not arrived whole, or has several packets."""
        self._set_timeout(timeout)
        parts: list[bytes] = []
        total = 0
        while True:
            self._fill(4)
            at, buffer = self._at, self._buffer
            size = buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16
            if buffer[at + 3] != self._expected:
                self._out_of_sequence(buffer[at + 3])
            total += size
            if self.signing_in and total > SIGN_IN_BYTES:
                raise ProtocolError(f"{self.address} sent more than {SIGN_IN_BYTES:,} bytes during the sign-in", errno=MALFORMED_PACKET)
            if total > self.max_allowed_packet:
                raise ProtocolError(
                    f"{self.address} sent an answer of more than {self.max_allowed_packet:,} bytes in one row (max_allowed_packet): "
                    "select less, or raise max_allowed_packet",
                    errno=MALFORMED_PACKET,
                )
            self._fill(4 + size)
            self._expected = self._expected + 1 & 0xFF
            start = self._at + 4
            self._at = start + size
            parts.append(self._buffer[start : self._at])
            if size != MAX_PAYLOAD:
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def receive_rows(self, most: int | None, timeout: float | None = None) -> tuple[list[bytes], bytes | None]:
        """Return the payloads of the next rows, `most` of them (None: all), and the payload that ends them where it was reached.

        One loop without a call per row: 10,000 rows are 10,000 packets.
        """
        rows: list[bytes] = []
        append = rows.append
        while most is None or len(rows) < most:
            buffer, at, expected, size = self._buffer, self._at, self._expected, len(self._buffer)
            left = size + 1 if most is None else most - len(rows)  # more than the buffer can hold, even where it is empty
            while left > 0:
                start = at + 4
                if start > size:
                    break
                end = start + (buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16)
                if end > size or end - start == MAX_PAYLOAD or end == start or buffer[start] >= EOF or buffer[at + 3] != expected:
                    break
                append(buffer[start:end])
                at = end
                expected = expected + 1 & 0xFF
                left -= 1
            self._at, self._expected = at, expected
            if left <= 0:
                continue
            # Not whole yet, in several packets, out of its sequence, or perhaps the end.
            payload = self.receive(timeout)
            if payload[:1] >= b"\xfe" and (payload[0] == ERR or len(payload) < EOF_SIZE):
                return rows, payload
            append(payload)
        return rows, None

    def _fill(self, needed: int) -> None:
        """Read until `needed` bytes from the current position on are in the buffer.

        Memory is taken for bytes that have arrived, never for a length that was announced.
        """
        missing = needed - (len(self._buffer) - self._at)
        if missing <= 0:
            return
        if self.socket is None:
            raise closed_error()
        parts = [self._buffer[self._at :]]
        while missing > 0:
            try:
                part = self.socket.recv(READ_SIZE)
            except OSError as error:
                raise self._failure(error, "answer", "reading") from error
            if not part:
                # PEP 249's class for it; the connector raises InterfaceError, which `except OperationalError` around a retry misses.
                raise OperationalError(f"Lost connection to MySQL server at {self.address}: it closed the connection", errno=SERVER_LOST)
            parts.append(part)
            missing -= len(part)
            if missing > 0 and self.waiting.bound is not None:
                self._set_timeout(self._timeout)  # so that a drip of bytes ends at the limit too
        self._buffer, self._at = b"".join(parts), 0

    def _failure(self, error: OSError, not_done: str, doing: str) -> Error:
        """Return the driver's error for one of the socket."""
        # The kernel's ETIMEDOUT, after probes without an answer, is a TimeoutError with a number; a time-out that was set here has none.
        if isinstance(error, TimeoutError) and error.errno is None:
            late = self.waiting.error()
            if late is not None:
                return late
            return StatementTimeoutError(f"{self.address} did not {not_done} within {self._timeout:g} s", errno=TIMED_OUT)
        return OperationalError(f"Lost connection to MySQL server at {self.address} while {doing}: {error}", errno=CONNECTION_FAILED)

    def _out_of_sequence(self, found: int) -> NoReturn:
        raise ProtocolError(
            f"{self.address} sent a packet out of its sequence (number {found}, expected {self._expected})", errno=MALFORMED_PACKET
        )


def closed_error() -> Error:
    """Return the error for the use of a connection that is closed."""
    return OperationalError("MySQL Connection not available: it is closed", errno=SERVER_GONE)
