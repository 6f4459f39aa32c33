"""MySQL's protocol: capability flags, length-encoded values, packets with their sequence numbers, and the front's own replies."""

from __future__ import annotations

from enum import IntFlag

from .wire import Wire

MAX_PAYLOAD = 0xFFFFFF

OK = 0x00
AUTH_MORE_DATA = 0x01
AUTH_SWITCH = 0xFE
ERR = 0xFF


class Capability(IntFlag):
    """The capability bits that the front reads or sets. All others are passed on unchanged."""

    MYSQL = 1 << 0
    CONNECT_WITH_DB = 1 << 3
    COMPRESS = 1 << 5
    PROTOCOL_41 = 1 << 9
    SSL = 1 << 11
    SECURE_CONNECTION = 1 << 15
    PLUGIN_AUTH = 1 << 19
    CONNECT_ATTRS = 1 << 20
    PLUGIN_AUTH_LENENC = 1 << 21
    DEPRECATE_EOF = 1 << 24
    ZSTD = 1 << 26
    QUERY_ATTRIBUTES = 1 << 27
    MULTI_FACTOR = 1 << 28


class ProtocolError(ConnectionError):
    """The received data is not MySQL's protocol. The text says what was expected and what was received."""


def lenenc(value: int) -> bytes:
    """Return `value` as a length-encoded integer."""
    if value < 0xFB:
        return bytes((value,))
    if value < 1 << 16:
        return b"\xfc" + value.to_bytes(2, "little")
    if value < 1 << 24:
        return b"\xfd" + value.to_bytes(3, "little")
    return b"\xfe" + value.to_bytes(8, "little")


def lenenc_bytes(value: bytes) -> bytes:
    """Return a byte string with its length-encoded length as prefix."""
    return lenenc(len(value)) + value


class Cursor:
    """Reads values from a payload, in order. Its methods raise ProtocolError when the payload is too short."""

    def __init__(self, payload: bytes, position: int = 0) -> None:
        self.payload = payload
        self.position = position

    @property
    def left(self) -> int:
        return len(self.payload) - self.position

    def take(self, size: int) -> bytes:
        if self.left < size:
            raise ProtocolError(
                f"a packet of {len(self.payload)} bytes is too short: {size} more were expected at position {self.position}"
            )
        self.position += size
        return self.payload[self.position - size : self.position]

    def integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def lenenc(self) -> int:
        first = self.integer(1)
        if first < 0xFB:
            return first
        if first not in (0xFC, 0xFD, 0xFE):
            raise ProtocolError(f"0x{first:02x} does not begin a length-encoded integer")
        return self.integer({0xFC: 2, 0xFD: 3, 0xFE: 8}[first])

    def lenenc_bytes(self) -> bytes:
        return self.take(self.lenenc())

    def text_to_nul(self) -> bytes:
        end = self.payload.find(b"\0", self.position)
        if end < 0:
            return self.take(self.left)
        value = self.take(end - self.position)
        self.position += 1
        return value


def framed(payload: bytes, sequence: int) -> bytes:
    """Return a payload of less than 16 MB as one packet."""
    return len(payload).to_bytes(3, "little") + bytes((sequence & 0xFF,)) + payload


def error(code: int, sqlstate: str, message: str, *, before_greeting: bool = False) -> bytes:
    """Return the payload of an ERR packet.

    Before the greeting, no capabilities are negotiated, so servers leave out the SQLSTATE (seen with MySQL 9.7 and MariaDB 10.11).
    """
    state = b"" if before_greeting else b"#" + sqlstate.encode()
    return bytes((ERR,)) + code.to_bytes(2, "little") + state + message.encode()


def error_code(payload: bytes) -> int:
    """Return the error number in the payload of an ERR packet."""
    return int.from_bytes(payload[1:3], "little")


def auth_switch(plugin: str) -> bytes:
    """Return the payload of an AuthSwitchRequest for a plugin without data."""
    return bytes((AUTH_SWITCH,)) + plugin.encode() + b"\0"


class Packets:
    """Reads and writes whole packets during sign-in. Both directions share one sequence number."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._received = b""
        self._sequence = 0

    def read(self) -> bytes:
        """Return the payload of the next packet. Raise ConnectionError at the end of the stream, or for a packet of 16 MB."""
        while True:
            payload = self.take()
            if payload is not None:
                return payload
            self.feed(self.wire.receive())

    def feed(self, received: bytes) -> None:
        """Add bytes that were read elsewhere. Raise ConnectionResetError when they are empty, which is the end of the stream."""
        if not received:
            raise ConnectionResetError("the connection ended during sign-in")
        self._received += received

    def take(self) -> bytes | None:
        """Return the payload of a packet, or None if no whole packet was received. Raise ProtocolError for a packet of 16 MB."""
        if len(self._received) < 4:
            return None
        size = int.from_bytes(self._received[:3], "little")
        if size == MAX_PAYLOAD:
            raise ProtocolError("a packet of 16 MB during sign-in")
        if len(self._received) < 4 + size:
            return None
        self._sequence = self._received[3] + 1
        payload, self._received = self._received[4 : 4 + size], self._received[4 + size :]
        return payload

    def write(self, payload: bytes) -> None:
        """Send a packet with the next sequence number."""
        packet = framed(payload, self._sequence)
        self._sequence += 1
        self.wire.send(packet)

    def rest(self) -> bytes:
        """Remove and return the bytes after the last whole packet: those that follow an SSLRequest, or the first command."""
        rest, self._received = self._received, b""
        return rest
