"""The sign-in of the pure driver: greeting, TLS, login, and the answers to what the server's plugin asks.

Written anew because the stock one logs the clear password packet, that is the token, at DEBUG level, keeps it in the local
variables of its frames, and can't send a token with the login. Here the secret lives in one buffer that is wiped after use.
"""

from __future__ import annotations

import hashlib
import ssl
import struct
from collections.abc import Mapping
from typing import Any, Final

from mysql.connector.constants import ClientFlag
from mysql.connector.errors import (
    DatabaseError,
    Error,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    ReadTimeoutError,
    get_exception,
)
from mysql.connector.protocol import (
    AUTH_SWITCH_STATUS,
    ERR_STATUS,
    EXCHANGE_FURTHER_STATUS,
    OK_STATUS,
    MySQLProtocol,
)

from . import resumption
from .packets import SERVER_LOST, SSL_ERROR, PacketSocket
from .secret import Secret

CLEAR_PASSWORD: Final = "mysql_clear_password"  # noqa: S105 - the plugin's name
NATIVE_PASSWORD: Final = "mysql_native_password"  # noqa: S105 - the plugin's name
CACHING_SHA2: Final = "caching_sha2_password"
SHA256: Final = "sha256_password"

NO_GREETING: Final = "the connection was taken, but no greeting came"

MAX_ALLOWED_PACKET: Final = 1 << 30
_FAST_AUTH_SUCCESS: Final = 3
_FULL_AUTHENTICATION: Final = 4


class Login:
    """Who signs in, and how the session starts. Not a dataclass: making one costs a cold start 1 ms of CPU."""

    __slots__ = ("attributes", "client_flags", "collation_id", "database", "plugin", "secret", "tls", "user")

    def __init__(
        self,
        *,
        user: str,
        secret: Secret,
        database: str | None,
        client_flags: int,
        collation_id: int,
        attributes: Mapping[str, str],
        tls: ssl.SSLContext,
        plugin: str | None = None,
    ) -> None:
        """Take what the login carries.

        `collation_id` is the number of the connection's collation, of which the login carries the lowest byte; `attributes` are
        seen in performance_schema.session_connect_attrs; `plugin` is the authentication plugin to begin with, None for the one
        that the server's greeting names.
        """
        self.user = user
        self.secret = secret
        self.database = database
        self.client_flags = client_flags
        self.collation_id = collation_id
        self.attributes = attributes
        self.tls = tls
        self.plugin = plugin


def greeting(channel: PacketSocket) -> dict[str, Any]:
    """Return the server's greeting, parsed. Raises the server's error where it sends one instead (1040, 1129)."""
    try:
        packet = channel.recv()
    except ReadTimeoutError as error:
        raise OperationalError(NO_GREETING, errno=SERVER_LOST) from error
    try:
        if packet[4] == ERR_STATUS:
            refusal = get_exception(packet)
        else:
            return dict(MySQLProtocol.parse_handshake(packet))
    except (IndexError, ValueError, struct.error, DatabaseError) as error:
        raise OperationalError(f"{channel.address} does not greet as MySQL does ({error})", errno=SERVER_LOST) from error
    raise refusal


def sign_in(channel: PacketSocket, hello: Mapping[str, Any], login: Login) -> bytes:
    """Secure the channel, sign in and return the server's OK packet.

    Raises InterfaceError where the server offers no TLS or fails verification, the server's own error where it refuses, and
    NotSupportedError where it asks for a plugin that is not known here.
    """
    flags = login.client_flags & (hello["capabilities"] | ClientFlag.SSL) | ClientFlag.PLUGIN_AUTH
    if not login.database:
        flags &= ~ClientFlag.CONNECT_WITH_DB
    flags |= ClientFlag.SSL
    secure(channel, hello, login.tls, _header(flags, login))
    plugin = login.plugin or hello["auth_plugin"]
    if plugin not in _ANSWERS:
        plugin = CACHING_SHA2  # the server will ask for what it wants
    packet = _Wiped(_header(flags, login), login.user.encode() + b"\0")
    with packet:
        answer = _ANSWERS[plugin](login.secret, hello["auth_data"])
        if len(answer) > 250 and not flags & ClientFlag.PLUGIN_AUTH_LENENC_CLIENT_DATA:
            answer = bytearray()  # too long for this server's login; it asks again with an AuthSwitchRequest
        packet.add(_lenenc(len(answer)), answer)
        if flags & ClientFlag.CONNECT_WITH_DB:
            assert login.database is not None
            packet.add(login.database.encode() + b"\0")
        packet.add(plugin.encode() + b"\0")
        if flags & ClientFlag.CONNECT_ARGS:
            packet.add(_attributes(login.attributes))
        _send(channel, packet)
    reply = _converse(channel, login.secret, plugin)
    assert isinstance(channel.sock, ssl.SSLSocket)
    resumption.keep(login.tls, channel.address, channel.sock)
    return reply


def secure(channel: PacketSocket, hello: Mapping[str, Any], tls: ssl.SSLContext, request: bytes | None = None) -> None:
    """Turn to TLS, which verifies the server; `request` is the protocol's SSLRequest, a bare one where it is None.

    Raises InterfaceError where the server offers no TLS or fails verification.
    """
    if not hello["capabilities"] & ClientFlag.SSL:
        raise InterfaceError(f"{channel.address} offers no TLS, and rdspool sends no sign-in without it", errno=SSL_ERROR)
    flags = ClientFlag.get_default() | ClientFlag.SSL | ClientFlag.PLUGIN_AUTH
    channel.send(request or struct.pack("<IIB23x", flags, MAX_ALLOWED_PACKET, 45))
    channel.start_tls(tls, resumption.recall(tls, channel.address))


def _converse(channel: PacketSocket, secret: Secret, plugin: str) -> bytes:
    """Answer the server until it accepts or refuses."""
    while True:
        packet = channel.recv()
        status = packet[4]
        if status == OK_STATUS:
            return packet
        if status == ERR_STATUS:
            raise get_exception(packet)
        if status == AUTH_SWITCH_STATUS and len(packet) > 5:
            plugin, nonce = MySQLProtocol.parse_auth_switch_request(packet)
            if plugin not in _ANSWERS:
                raise NotSupportedError(
                    f"the server asks for the sign-in plugin {plugin!r}; rdspool knows {', '.join(_ANSWERS)}: "
                    "create the user with one of these, or with AWSAuthenticationPlugin for IAM"
                )
            _reply(channel, _ANSWERS[plugin](secret, nonce))
        elif status == EXCHANGE_FURTHER_STATUS and plugin == CACHING_SHA2 and packet[5:6] == bytes([_FAST_AUTH_SUCCESS]):
            continue
        elif status == EXCHANGE_FURTHER_STATUS and plugin == CACHING_SHA2 and packet[5:6] == bytes([_FULL_AUTHENTICATION]):
            _reply(channel, _clear(secret, b""))
        else:
            raise InterfaceError(f"{channel.address} sent an unknown answer (status {status}) during the sign-in with {plugin}")


def _reply(channel: PacketSocket, answer: bytearray) -> None:
    packet = _Wiped()
    with packet:
        packet.add(answer)
        _send(channel, packet)


def _send(channel: PacketSocket, packet: _Wiped) -> None:
    """Send a packet with the secret in it. A failure goes on without the frames below, whose variables hold copies of it."""
    failure: Error | None = None
    try:
        channel.send(packet.content)  # type: ignore[arg-type]
    except Error as error:
        failure = error
    if failure is not None:
        failure.__cause__ = failure.__context__ = None
        raise failure.with_traceback(None)


class _Wiped:
    """A packet under construction that is emptied when it was sent, so that no traceback's variables show it."""

    def __init__(self, *parts: bytes) -> None:
        self.content = bytearray(b"".join(parts))

    def add(self, *parts: bytes | bytearray) -> None:
        for part in parts:
            self.content += part
            if isinstance(part, bytearray):
                part.clear()

    def __enter__(self) -> _Wiped:
        return self

    def __exit__(self, *_: object) -> None:
        self.content.clear()


def _header(flags: int, login: Login) -> bytes:
    return struct.pack("<IIB23x", flags, MAX_ALLOWED_PACKET, login.collation_id & 0xFF)


def _attributes(attributes: Mapping[str, str]) -> bytes:
    pairs = b"".join(_lenenc(len(text)) + text for pair in attributes.items() for text in (part.encode() for part in pair))
    return _lenenc(len(pairs)) + pairs


def _lenenc(number: int) -> bytes:
    """Return a length as the protocol encodes it ("Length-encoded integer", MySQL's protocol documentation)."""
    if number < 251:
        return number.to_bytes()
    if number < 1 << 16:
        return b"\xfc" + number.to_bytes(2, "little")
    return b"\xfd" + number.to_bytes(3, "little")


def _clear(secret: Secret, _nonce: bytes) -> bytearray:
    return bytearray(secret.reveal().encode() + b"\0")


def _native(secret: Secret, nonce: bytes) -> bytearray:
    password = secret.reveal().encode()
    if not password:
        return bytearray()
    once = hashlib.sha1(password, usedforsecurity=False).digest()
    twice = hashlib.sha1(once, usedforsecurity=False).digest()
    return _xor(once, hashlib.sha1(nonce[:20] + twice, usedforsecurity=False).digest())


def _caching_sha2(secret: Secret, nonce: bytes) -> bytearray:
    password = secret.reveal().encode()
    if not password:
        return bytearray()
    once = hashlib.sha256(password).digest()
    twice = hashlib.sha256(once).digest()
    return _xor(once, hashlib.sha256(twice + nonce[:20]).digest())


def _xor(left: bytes, right: bytes) -> bytearray:
    return bytearray(a ^ b for a, b in zip(left, right, strict=True))


_ANSWERS: Final = {CLEAR_PASSWORD: _clear, CACHING_SHA2: _caching_sha2, NATIVE_PASSWORD: _native, SHA256: _clear}
"""What each plugin sends. All of it runs behind verified TLS."""
