"""A socket, optionally with TLS. Its meter counts all bytes of the raw socket before they are sent on."""

from __future__ import annotations

import select
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from .orders import Orders

CHUNK = 64 * 1024
# RFC 8446, 4.1.3: the random value that makes a ServerHello a HelloRetryRequest.
HELLO_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


class Meter(Protocol):
    """Counts the bytes of the raw socket."""

    def received(self, size: int, /) -> None: ...

    def sending(self, size: int, hello_retry: bool, /) -> bool:
        """Count bytes before they are sent. Return whether they begin a new answer."""


class NoMeter:
    """The meter of a socket that is not counted."""

    def received(self, _size: int) -> None:
        pass

    def sending(self, _size: int, _hello_retry: bool) -> bool:
        return False


class Wire:
    """A non-blocking socket. Its methods that wait also obey orders."""

    def __init__(self, sock: socket.socket, orders: Orders, meter: Meter | None = None) -> None:
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self.orders = orders
        self._meter: Meter = meter or NoMeter()
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        # Returns the delay of an answer in seconds, during sign-in. None afterwards, when the relay delays answers.
        self.lag: Callable[[], float] | None = None
        self.ended = False

    def fileno(self) -> int:
        return self._sock.fileno()

    @property
    def tls(self) -> ssl.SSLObject | None:
        return self._tls

    def start_tls(self, context: ssl.SSLContext, head: bytes = b"", *, server_side: bool = True) -> ssl.SSLObject:
        """Do the TLS handshake. `head` are bytes that were received after the SSLRequest. Raise ssl.SSLError or ConnectionError."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=server_side)
        self._incoming.write(head)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush(handshake=True)
                received = self._receive_raw()
                if not received:
                    raise ConnectionResetError("the connection ended during the TLS handshake") from None
                self._incoming.write(received)
            except ssl.SSLError:
                self._flush(handshake=True)
                raise
        self._tls = tls
        # In TLS 1.3, only session tickets are left to send. They are sent with the next packet. Sent alone, they could cross the client's
        # login, and the number of round trips would depend on the timing.
        if not server_side or tls.version() != "TLSv1.3":
            self._flush(handshake=True)
        return tls

    def take(self) -> bytes | None:
        """Return the decrypted bytes that are available: None if there are none, empty bytes at the end of the stream. It does not wait."""
        if self.ended:
            return b""
        received = self._recv()
        if received is None:
            return None
        if not received:
            self.ended = True
            return b""
        if self._tls is None:
            return received
        self._incoming.write(received)
        return self._decrypted(self._tls)

    def receive(self) -> bytes:
        """Wait for bytes and return them decrypted; empty bytes at the end of the stream."""
        while True:
            # TLS may already have bytes that arrived with the last message of the handshake.
            buffered = self._decrypted(self._tls) if self._tls is not None and self._incoming.pending else None
            received = buffered if buffered is not None else self.take()
            if received is not None:
                return received
            self._wait(select.POLLIN)

    def send(self, data: bytes) -> None:
        """Send all bytes. Wait while the peer does not read."""
        if self._tls is None:
            self._send(data, False)
            return
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view) :]
        self._flush()

    def shut(self) -> None:
        """End the stream in both directions. Another thread may do this: the one that uses the socket finds its end, and closes it."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self, reset: bool = False) -> None:
        """Close with a FIN and without close_notify, like MySQL (it sets OpenSSL's quiet shutdown), or with a RST if `reset`."""
        try:
            if reset:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # The peer has already closed the connection.
        self._sock.close()

    def _decrypted(self, tls: ssl.SSLObject) -> bytes | None:
        parts: list[bytes] = []
        try:
            while True:
                part = tls.read(CHUNK)
                if not part:
                    self.ended = True
                    break
                parts.append(part)
                if not self._incoming.pending and not tls.pending():
                    break
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self.ended = True
        if parts:
            return b"".join(parts)
        return b"" if self.ended else None

    def _flush(self, handshake: bool = False) -> None:
        if self._outgoing.pending:
            data = self._outgoing.read()
            self._send(data, handshake and HELLO_RETRY in data)

    def _send(self, data: bytes, hello_retry: bool) -> None:
        begins = self._meter.sending(len(data), hello_retry)
        if begins and self.lag is not None and (seconds := self.lag()) > 0:
            self.orders.sleep(seconds)
        view = memoryview(data)
        while view:
            try:
                view = view[self._sock.send(view) :]
            except BlockingIOError:
                self._wait(select.POLLOUT)

    def _recv(self) -> bytes | None:
        try:
            received = self._sock.recv(CHUNK)
        except BlockingIOError:
            return None
        if received:
            self._meter.received(len(received))
        return received

    def _receive_raw(self) -> bytes:
        while (received := self._recv()) is None:
            self._wait(select.POLLIN)
        return received

    def _wait(self, events: int) -> None:
        poller = select.poll()
        poller.register(self._sock, events)
        poller.register(self.orders, select.POLLIN)
        poller.poll()
        self.orders.obey()
