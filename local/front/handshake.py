"""The first packets of MySQL's protocol: the server's greeting (HandshakeV10), the client's login (SSLRequest, HandshakeResponse41)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .protocol import Capability, Cursor, ProtocolError, error_code, lenenc, lenenc_bytes

SSL_REQUEST_SIZE = 32
# Capabilities that the front does not offer to clients, even if the backend has them.
NOT_OFFERED = Capability.COMPRESS | Capability.ZSTD | Capability.MULTI_FACTOR
# Capabilities of the connection between client and front only.
NOT_PASSED_ON = NOT_OFFERED | Capability.SSL


@dataclass(frozen=True)
class Greeting:
    """A server's HandshakeV10."""

    version: bytes
    thread_id: int
    nonce: bytes
    capabilities: int
    charset: int
    status: int
    extended: bytes
    plugin: bytes

    @classmethod
    def parse(cls, payload: bytes) -> Greeting:
        """Return the greeting. Raise ProtocolError when the payload is not one; for an ERR packet, the text has its number."""
        cursor = Cursor(payload)
        kind = cursor.integer(1)
        if kind == 0xFF:
            raise ProtocolError(f"the backend answered with error {error_code(payload)} instead of a greeting")
        if kind != 10:
            raise ProtocolError(f"the backend's greeting has protocol version {kind}, not 10")
        version = cursor.text_to_nul()
        thread_id = cursor.integer(4)
        nonce = cursor.take(8)
        cursor.take(1)
        capabilities = cursor.integer(2)
        charset = cursor.integer(1)
        status = cursor.integer(2)
        capabilities |= cursor.integer(2) << 16
        size = cursor.integer(1)
        extended = cursor.take(10)
        nonce += cursor.take(max(13, size - 8))[:12]
        plugin = cursor.text_to_nul() if capabilities & Capability.PLUGIN_AUTH else b""
        return cls(version, thread_id, nonce, capabilities, charset, status, extended, plugin)

    def payload(self) -> bytes:
        """Return the greeting as the payload of a packet."""
        low, high = self.capabilities & 0xFFFF, self.capabilities >> 16
        return b"".join(
            (
                b"\x0a" + self.version + b"\0",
                self.thread_id.to_bytes(4, "little"),
                self.nonce[:8] + b"\0",
                low.to_bytes(2, "little"),
                bytes((self.charset,)),
                self.status.to_bytes(2, "little"),
                high.to_bytes(2, "little"),
                bytes((len(self.nonce) + 1,)),
                self.extended,
                self.nonce[8:] + b"\0",
                self.plugin + b"\0",
            )
        )

    def for_clients(self) -> Greeting:
        """Return the greeting for the front's clients: with TLS, without compression and multi-factor authentication."""
        return replace(self, capabilities=(self.capabilities | Capability.SSL) & ~NOT_OFFERED)


def is_ssl_request(payload: bytes) -> bool:
    """Return whether a client's first packet is an SSLRequest: the first 32 bytes of a login, with CLIENT_SSL."""
    return len(payload) == SSL_REQUEST_SIZE and bool(int.from_bytes(payload[:4], "little") & Capability.SSL)


@dataclass(frozen=True)
class Login:
    """A client's HandshakeResponse41. `reply`, which can be a clear password, is not in its repr."""

    capabilities: int
    max_packet: int
    charset: int
    filler: bytes
    user: str
    reply: bytes = field(repr=False)
    database: bytes
    plugin: str
    attributes: dict[str, str]
    raw_attributes: bytes = field(repr=False)

    @classmethod
    def parse(cls, payload: bytes) -> Login:
        """Return the login. Raise ProtocolError for a client older than MySQL 4.1 or an invalid packet."""
        cursor = Cursor(payload)
        capabilities = cursor.integer(4)
        if not capabilities & Capability.PROTOCOL_41:
            raise ProtocolError("the client's login does not use protocol 4.1")
        max_packet = cursor.integer(4)
        charset = cursor.integer(1)
        filler = cursor.take(23)
        user = cursor.text_to_nul().decode(errors="replace")
        if capabilities & Capability.PLUGIN_AUTH_LENENC:
            reply = cursor.lenenc_bytes()
        elif capabilities & Capability.SECURE_CONNECTION:
            reply = cursor.take(cursor.integer(1))
        else:
            reply = cursor.text_to_nul()
        database = cursor.text_to_nul() if capabilities & Capability.CONNECT_WITH_DB and cursor.left else b""
        plugin = cursor.text_to_nul().decode(errors="replace") if capabilities & Capability.PLUGIN_AUTH and cursor.left else ""
        raw = cursor.lenenc_bytes() if capabilities & Capability.CONNECT_ATTRS and cursor.left else b""
        return cls(capabilities, max_packet, charset, filler, user, reply, database, plugin, _attributes(raw), raw)

    def start(self, *, tls: bool) -> bytes:
        """Return the first 32 bytes of the login for the backend. Sent alone, they are an SSLRequest."""
        capabilities = self.capabilities & ~NOT_PASSED_ON | Capability.PLUGIN_AUTH | Capability.SECURE_CONNECTION
        if tls:
            capabilities |= Capability.SSL
        if len(self.reply) > 255:
            capabilities |= Capability.PLUGIN_AUTH_LENENC
        return capabilities.to_bytes(4, "little") + self.max_packet.to_bytes(4, "little") + bytes((self.charset,)) + self.filler

    def payload(self, *, tls: bool) -> bytes:
        """Return the login for the backend, with the client's capabilities (except NOT_PASSED_ON), charset, database and attributes."""
        start = self.start(tls=tls)
        capabilities = int.from_bytes(start[:4], "little")
        wide = capabilities & Capability.PLUGIN_AUTH_LENENC
        reply = (lenenc(len(self.reply)) if wide else bytes((len(self.reply),))) + self.reply
        database = self.database + b"\0" if capabilities & Capability.CONNECT_WITH_DB else b""
        attributes = lenenc_bytes(self.raw_attributes) if capabilities & Capability.CONNECT_ATTRS else b""
        return start + self.user.encode() + b"\0" + reply + database + self.plugin.encode() + b"\0" + attributes


def _attributes(raw: bytes) -> dict[str, str]:
    cursor = Cursor(raw)
    found: dict[str, str] = {}
    while cursor.left:
        name = cursor.lenenc_bytes().decode(errors="replace")
        found[name] = cursor.lenenc_bytes().decode(errors="replace")
    return found
