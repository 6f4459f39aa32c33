"""The bytes: a socket with one buffer before it, and when its waits end."""

from __future__ import annotations

import math
import select
import socket
import ssl
from contextlib import suppress
from typing import Final

from mysql.connector.errors import Error, OperationalError

from ..errors import ProtocolError, StatementTimeoutError
from . import transport
from .error_numbers import CONNECTION_FAILED, SERVER_GONE, SERVER_LOST, TIMED_OUT, TLS_FAILED
from .waiting import SLACK, Waiting

READ_SIZE: Final = 65536
"""Bytes asked of the socket at once. TLS hands out at most one record, 16 KiB, at a time."""


class ByteStream:
    """Sends bytes and fills a buffer with those that come."""

    def __init__(self, connected: socket.socket, host: str, port: int) -> None:
        """Take a connected socket."""
        self.socket: socket.socket | None = connected
        self.host = host
        self.address = f"{host}:{port}"
        self._buffer = b""
        self._at = 0
        self._timeout: float | None = None
        connected.settimeout(None)
        self.waiting = Waiting(self.address)
        """When its waits end."""
        # Asked before each command; the descriptor stays the same when TLS is wrapped around the socket.
        poller = select.poll()
        poller.register(connected.fileno(), select.POLLIN)
        self._poll = poller.poll

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address} {'closed' if self.socket is None else 'open'}>"

    def start_tls(self, context: ssl.SSLContext, session: ssl.SSLSession | None, name: str) -> None:
        """Run the TLS handshake, which verifies that the server is `name`. Raises InterfaceError."""
        if self._at != len(self._buffer):
            # Bytes sent before TLS that the client has not asked for can only come from someone in between.
            raise ProtocolError(f"{self.address} sent data ahead of the TLS handshake", errno=TLS_FAILED)
        assert self.socket is not None
        self._set_timeout(None)
        self.socket = transport.start_tls(self.socket, name, self.address, context, session)

    def _set_timeout(self, seconds: float | None) -> None:
        """Let the next wait end after `seconds` (None: never), or at the limit where that is earlier. Raises DeadlineError past it."""
        if self.waiting.bound is not None:
            left = self.waiting.left()
            if seconds is None or left < seconds:
                if self._timeout is not None and left <= self._timeout <= left + SLACK:
                    return
                seconds = left
        if seconds != self._timeout and self.socket is not None:
            self.socket.settimeout(seconds)
            self._timeout = seconds

    def keep_timeout(self, seconds: float | None) -> float:
        """Set the socket's time-out for this command and those that follow, each of which waits `seconds` at most (None: for ever).

        Return until when it suits them, as a time of the monotonic clock: the limit comes nearer, and later the socket would wait beyond it.
        """
        self._set_timeout(seconds)
        bound = self.waiting.bound
        if bound is None or self._timeout is None:
            return math.inf
        return min(bound.at, bound.at + SLACK - self._timeout)

    def arrives_within(self, seconds: float) -> bool:
        """Wait for the peer's next bytes, `seconds` at most. Return whether some came, or its end."""
        return bool(self._poll(max(0, round(seconds * 1000))))

    def acknowledged(self) -> bool:
        """Return whether the peer's kernel has acknowledged all that was sent: then the network works, however long the server takes."""
        return self.socket is not None and transport.acknowledged(self.socket)

    @property
    def ends(self) -> tuple[str, int]:
        """The address, without a name, that the socket is connected to, and the port of its own end. Raises OperationalError if closed."""
        if self.socket is None:
            raise closed_error()
        return str(self.socket.getpeername()[0]), int(self.socket.getsockname()[1])

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

    def cut(self) -> None:
        """End the connection while another thread may use it: nothing is sent or read here, and that thread meets the end."""
        connected = self.socket
        if connected is not None:
            with suppress(OSError):  # it has ended already
                socket.socket.shutdown(connected, socket.SHUT_RDWR)  # not that of SSLSocket, which would let the thread read without TLS

    def __del__(self) -> None:
        self.close()

    def _write(self, data: bytes | bytearray, sent: int = 0) -> None:
        """Send the data from position `sent` on, whole: the socket takes all of it at once, but for the largest."""
        assert self.socket is not None
        while sent != len(data):
            if sent and self.waiting.bound is not None:
                self._set_timeout(self._timeout)  # so that a peer that takes a little at a time ends at the limit too
            sent += self.socket.send(memoryview(data)[sent:] if sent else data)

    def _read(self, timeout: float | None) -> bytes:
        """Return the bytes that come next, at least one, and at most `READ_SIZE`. Wait for them as `_set_timeout()` says."""
        if self.socket is None:
            raise closed_error()
        if self.waiting.bound is not None or timeout is not self._timeout:
            self._set_timeout(timeout)
        try:
            came = self.socket.recv(READ_SIZE)
        except OSError as error:
            raise self._failure(error, "answer", "reading") from error
        if not came:
            # PEP 249's class for it; the connector raises InterfaceError, which `except OperationalError` around a retry misses.
            raise OperationalError(f"Lost connection to MySQL server at {self.address}: it closed the connection", errno=SERVER_LOST)
        return came

    def _fill(self, needed: int, timeout: float | None) -> None:
        """Read until `needed` bytes from the current position on are in the buffer.

        Memory is taken for bytes that have arrived, never for a length that was announced.
        """
        missing = needed - (len(self._buffer) - self._at)
        if missing <= 0:
            return
        parts = [self._buffer[self._at :]] if self._at < len(self._buffer) else []
        while missing > 0:
            parts.append(self._read(timeout))  # each read with the limit's rest, so that a drip of bytes ends at the limit too
            missing -= len(parts[-1])
        self._buffer, self._at = b"".join(parts), 0  # a single part as it is, without a copy

    def _failure(self, error: OSError, not_done: str, doing: str) -> Error:
        """Return the driver's error for one of the socket."""
        # The kernel's ETIMEDOUT, after probes without an answer, is a TimeoutError with a number; a time-out that was set here has none.
        if isinstance(error, TimeoutError) and error.errno is None:
            late = self.waiting.error()
            if late is not None:
                return late
            setting = "read_timeout" if doing == "reading" else "write_timeout"
            return StatementTimeoutError(
                f"{self.address} did not {not_done} within {self._timeout:g} s ({setting}), and the connection is closed: use another one, and raise "
                f"{setting} where the statement needs longer",
                errno=TIMED_OUT,
            )
        return OperationalError(f"Lost connection to MySQL server at {self.address} while {doing}: {error}", errno=CONNECTION_FAILED)


def closed_error() -> Error:
    """Return the error for the use of a connection that is closed."""
    return OperationalError("MySQL Connection not available: it is closed", errno=SERVER_GONE)
