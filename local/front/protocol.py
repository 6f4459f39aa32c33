"""MySQL's protocol: capability flags, length-encoded values, packets and their numbers, the replies that the front writes itself."""

from __future__ import annotations

from enum import IntFlag

from .wire import Wire

MAX_PAYLOAD = 0xFFFFFF

OK = 0x00
AUTH_MORE_DATA = 0x01
AUTH_SWITCH = 0xFE
ERR = 0xFF


class Capability(IntFlag):
    """The connection's capability bits that the front reads or sets; all others are passed on as they are."""

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
    """What came is not MySQL's protocol; the text says what was expected and what came."""


def lenenc(value: int) -> bytes:
    """The length-encoded integer for a value."""
    if value < 0xFB:
        return bytes((value,))
    if value < 1 << 16:
        return b"\xfc" + value.to_bytes(2, "little")
    if value < 1 << 24:
        return b"\xfd" + value.to_bytes(3, "little")
    return b"\xfe" + value.to_bytes(8, "little")


def lenenc_bytes(value: bytes) -> bytes:
    """A byte string with its length-encoded length before it."""
    return lenenc(len(value)) + value


class Cursor:
    """Reads a payload from its start to its end; ProtocolError where it is too short."""

    def __init__(self, payload: bytes, position: int = 0) -> None:
        self.payload = payload
        self.position = position

    @property
    def left(self) -> int:
        return len(self.payload) - self.position

    def take(self, size: int) -> bytes:
        if self.left < size:
            raise ProtocolError(f"a packet of {len(self.payload)} bytes ends where {size} more were expected at {self.position}")
        self.position += size
        return self.payload[self.position - size : self.position]

    def integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def lenenc(self) -> int:
        first = self.integer(1)
        if first < 0xFB:
            return first
        if first not in (0xFC, 0xFD, 0xFE):
            raise ProtocolError(f"0x{first:02x} begins no length-encoded integer")
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
    """A payload of less than 16 MB as one packet."""
    return len(payload).to_bytes(3, "little") + bytes((sequence & 0xFF,)) + payload


def error(code: int, sqlstate: str, message: str, *, before_greeting: bool = False) -> bytes:
    """An ERR packet's payload.

    Before the greeting no capability is agreed on, so servers leave the SQLSTATE out (seen on MySQL 9.7 and MariaDB 10.11).
    """
    state = b"" if before_greeting else b"#" + sqlstate.encode()
    return bytes((ERR,)) + code.to_bytes(2, "little") + state + message.encode()


def error_code(payload: bytes) -> int:
    """The number in an ERR packet's payload."""
    return int.from_bytes(payload[1:3], "little")


def auth_switch(plugin: str) -> bytes:
    """An AuthSwitchRequest's payload for a plugin without data of its own."""
    return bytes((AUTH_SWITCH,)) + plugin.encode() + b"\0"


class Packets:
    """Whole packets over a wire, for the sign-in: one sequence number runs through both directions."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._received = b""
        self._sequence = 0

    def read(self) -> bytes:
        """The next packet's payload; ConnectionError at the end of the stream, or for one of 16 MB, which no sign-in has."""
        while True:
            payload = self.take()
            if payload is not None:
                return payload
            self.feed(self.wire.receive())

    def feed(self, received: bytes) -> None:
        """Add bytes that were read elsewhere; empty ones are the stream's end."""
        if not received:
            raise ConnectionResetError("the connection ended in the sign-in")
        self._received += received

    def take(self) -> bytes | None:
        """A packet's payload if a whole one was received."""
        if len(self._received) < 4:
            return None
        size = int.from_bytes(self._received[:3], "little")
        if size == MAX_PAYLOAD:
            raise ProtocolError("a packet of 16 MB during the sign-in")
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
        """Take what was received after the last whole packet: what follows an SSLRequest, or the first command."""
        rest, self._received = self._received, b""
        return rest
