"""The socket of the pure driver: MySQL packets over TCP and TLS, read through one buffer.

The stock socket reads each packet with two calls (header, payload), each through TLS; a result of 10 rows is some 30 packets.
This one reads what has arrived and cuts packets out of it.
"""

from __future__ import annotations

import socket
import ssl
from typing import Final

from mysql.connector.errors import ConnectionTimeoutError, InterfaceError, OperationalError, ReadTimeoutError, WriteTimeoutError
from mysql.connector.network import MAX_PAYLOAD_LENGTH, MySQLTCPSocket

READ_SIZE: Final = 65536
"""Bytes asked of the socket at once. TLS hands out at most one record, 16 KiB, at a time."""

SERVER_GONE: Final = 2006
SERVER_LOST: Final = 2013
CANNOT_CONNECT: Final = 2003
CONNECTION_FAILED: Final = 2055
SSL_ERROR: Final = 2026


class PacketSocket(MySQLTCPSocket):
    """A TCP connection that carries MySQL packets, in the clear until `start_tls()`."""

    def __init__(self, host: str, port: int, force_ipv6: bool = False) -> None:
        super().__init__(host=host, port=port, force_ipv6=force_ipv6)
        self._buffer = b""
        self._at = 0
        self._sequence = -1
        self._timeout: float | None = None
        self.default_timeout: float | None = None
        """Seconds where a read or write names no time of its own: the connect timeout until the sign-in is through."""

    def open(self, timeout: float) -> None:
        """Connect to the first address of the host that answers.

        Raises OperationalError 2003 (no such name, refused, no route) and ConnectionTimeoutError.
        """
        family = socket.AF_INET6 if self.force_ipv6 else socket.AF_UNSPEC
        try:
            # As bytes: a str goes through the idna codec, whose import costs a cold start 1 ms of CPU.
            addresses = socket.getaddrinfo(self.server_host.encode(), self.server_port, family, socket.SOCK_STREAM)
        except OSError as error:
            raise OperationalError(f"the name {self.server_host!r} has no address ({error})", errno=CANNOT_CONNECT) from error
        # RDS names with both families are reachable by IPv4 from every VPC, by IPv6 only from some.
        addresses.sort(key=lambda address: address[0] != socket.AF_INET)
        failure: OSError | None = None
        for address_family, kind, protocol, _, address in addresses:
            opened = socket.socket(address_family, kind, protocol)
            try:
                opened.settimeout(timeout)
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                opened.connect(address)
            except OSError as error:
                opened.close()
                failure = error
                continue
            except BaseException:
                opened.close()
                raise
            self.sock, self._timeout = opened, timeout
            self.default_timeout = timeout
            return
        if isinstance(failure, TimeoutError):
            raise ConnectionTimeoutError(f"{self.address} did not answer within {timeout:g} s", errno=CANNOT_CONNECT) from failure
        raise OperationalError(f"{self.address} can't be reached ({failure})", errno=CANNOT_CONNECT) from failure

    def start_tls(self, context: ssl.SSLContext, session: ssl.SSLSession | None) -> None:
        """Run the TLS handshake, which verifies the server's certificate and its name, resuming `session` if the server agrees.

        Raises InterfaceError with the ssl module's error as its cause.
        """
        if self._at != len(self._buffer):
            # Bytes sent before TLS that the server has not asked for can only come from someone in between.
            raise InterfaceError(f"{self.address} sent data ahead of the TLS handshake", errno=SSL_ERROR)
        assert self.sock is not None
        try:
            self.sock = context.wrap_socket(self.sock, server_hostname=self.server_host.encode(), session=session)
        except OSError as error:
            raise InterfaceError(f"TLS with {self.address} failed: {error}", errno=SSL_ERROR) from error

    def set_timeout(self, seconds: float | None) -> None:
        """Set how long a read or a write may wait; None: `default_timeout`, for ever where that is None too."""
        if seconds is None:
            seconds = self.default_timeout
        if seconds != self._timeout and self.sock is not None:
            self.sock.settimeout(seconds)
            self._timeout = seconds

    def set_connection_timeout(self, timeout: float | None) -> None:
        self.default_timeout = timeout
        self.set_timeout(timeout)

    def at_end(self) -> bool:
        """Return whether the peer has closed, or sent something unasked, as a server does before it closes. No round trip.

        Silence proves nothing: a frozen environment can have missed the peer's farewell.
        """
        if self.sock is None or self._at != len(self._buffer):
            return True
        # The descriptor is read beside the TLS layer, which peeking leaves undisturbed; a TLS 1.3 session ticket in flight
        # looks like unasked data, so it is let through TLS first.
        with socket.socket(fileno=socket.dup(self.sock.fileno())) as bare:
            bare.setblocking(False)
            try:
                seen = bare.recv(1, socket.MSG_PEEK)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                return True
        return not seen or not self._only_tls_housekeeping()

    def _only_tls_housekeeping(self) -> bool:
        assert self.sock is not None
        if not isinstance(self.sock, ssl.SSLSocket):
            return False
        self.sock.settimeout(0)
        try:
            self._buffer, self._at = self.sock.recv(READ_SIZE), 0
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        finally:
            self.sock.settimeout(self._timeout)
        return False

    def send(
        self,
        payload: bytes,
        packet_number: int | None = None,
        compressed_packet_number: int | None = None,
        write_timeout: float | None = None,
    ) -> None:
        """Send `payload` as one packet, or as several where it has 16 MiB or more."""
        if self.sock is None:
            raise OperationalError(errno=SERVER_GONE)
        self.set_timeout(write_timeout)
        self._sequence = (self._sequence + 1) % 256 if packet_number is None else packet_number
        self._at, self._buffer = 0, self._buffer[self._at :]
        try:
            while len(payload) >= MAX_PAYLOAD_LENGTH:
                self._write(b"\xff\xff\xff" + self._sequence.to_bytes() + payload[:MAX_PAYLOAD_LENGTH])
                payload = payload[MAX_PAYLOAD_LENGTH:]
                self._sequence = (self._sequence + 1) % 256
            self._write(len(payload).to_bytes(3, "little") + self._sequence.to_bytes() + payload)
        except TimeoutError as error:
            raise WriteTimeoutError(errno=3024) from error
        except OSError as error:
            raise OperationalError(
                f"Lost connection to MySQL server at {self.address} while sending: {error}", errno=CONNECTION_FAILED
            ) from error

    def _write(self, data: bytes) -> None:
        assert self.sock is not None
        sent = self.sock.send(data)  # all of it, but for the largest; sendall() of the ssl module is a loop in Python
        if sent != len(data):
            self.sock.sendall(data[sent:])

    def recv(self, read_timeout: float | None = None) -> bytes:  # type: ignore[override]
        """Return the next packet, with its header of four bytes."""
        at, buffer = self._at, self._buffer
        payload = at + 4
        if payload <= len(buffer):
            end = payload + (buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16)
            if end <= len(buffer):
                self._at, self._sequence = end, buffer[at + 3]
                return buffer[at:end]
        return self._recv_more(read_timeout)

    def _recv_more(self, read_timeout: float | None) -> bytes:
        if self.sock is None:
            raise OperationalError(errno=SERVER_GONE)
        self.set_timeout(read_timeout)
        parts = [self._buffer[self._at :]]
        held, needed = len(parts[0]), 4
        while True:
            if held >= 4:
                head = parts[0]
                if len(head) < 4:
                    parts = [head := b"".join(parts)]
                needed = 4 + (head[0] | head[1] << 8 | head[2] << 16)
                if held >= needed:
                    break
            try:
                part = self.sock.recv(max(READ_SIZE, needed - held))
            except TimeoutError as error:
                self._buffer, self._at = b"".join(parts), 0
                raise ReadTimeoutError(errno=3024) from error
            except OSError as error:
                raise OperationalError(
                    f"Lost connection to MySQL server at {self.address} while reading: {error}", errno=CONNECTION_FAILED
                ) from error
            if not part:
                # PEP 249's class for it; the connector raises InterfaceError, which `except OperationalError` around a retry misses.
                raise OperationalError(f"Lost connection to MySQL server at {self.address}: it closed the connection", errno=SERVER_LOST)
            parts.append(part)
            held += len(part)
        buffer = parts[0] if len(parts) == 1 else b"".join(parts)
        self._buffer, self._at, self._sequence = buffer, needed, buffer[3]
        return buffer[:needed]

    def close_connection(self) -> None:
        super().close_connection()
        self.sock, self._buffer, self._at = None, b"", 0

    def __del__(self) -> None:
        # Closed, not shut down as the connector does: in the child of a fork that would end the parent's connection.
        self.close_connection()
