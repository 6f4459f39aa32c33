"""The sign-in: greeting, TLS, login, and the answers to what the server's plugin asks.

What the server says before TLS is said by nobody: an error in place of the greeting is no refusal, and the greeting decides on nothing
that matters. The secret lives within `EmptiedFrames` only: no log line and no frame that stays shows it.

Source: MySQL's protocol documentation, "Connection Phase".
"""

from __future__ import annotations

import hashlib
import ssl
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from mysql.connector.constants import ClientFlag
from mysql.connector.errors import InterfaceError, NotSupportedError, OperationalError

from ..errors import ProtocolError, StatementTimeoutError, printable
from ..secret import EmptiedFrames, Secret
from . import resumption
from .error_numbers import SERVER_LOST, TLS_FAILED
from .packets import ERR, MAXIMUM_MAX_ALLOWED_PACKET, PacketStream
from .payload import PayloadReader, encoded_length, ended_by_nul, malformed
from .responses import Ok, parse_error, parse_ok

CLEAR_PASSWORD: Final = "mysql_clear_password"  # noqa: S105 - the plugin's name
NATIVE_PASSWORD: Final = "mysql_native_password"  # noqa: S105 - the plugin's name
CACHING_SHA2: Final = "caching_sha2_password"
SHA256: Final = "sha256_password"

PROTOCOL_41: Final = 1 << 9
"""The capability that every server since 4.1 has. The connector's ClientFlag has no name for it."""
CAPABILITIES: Final = (
    ClientFlag.LONG_PASSWD
    | ClientFlag.FOUND_ROWS  # an UPDATE that changes nothing has found its row: SQLAlchemy's ORM counts on it
    | ClientFlag.LONG_FLAG
    | PROTOCOL_41
    | ClientFlag.TRANSACTIONS
    | ClientFlag.SECURE_CONNECTION
    | ClientFlag.MULTI_RESULTS
    | ClientFlag.PLUGIN_AUTH_LENENC_CLIENT_DATA
    | ClientFlag.CONNECT_ARGS
    | ClientFlag.DEPRECATE_EOF  # an OK packet ends the rows: only that tells of what a SELECT has changed in the session
)
"""What rdspool asks for. Not MULTI_STATEMENTS, which lets one statement carry others, and not LOCAL_FILES,
which lets a server ask for files."""

SESSION_TRACK: Final = ClientFlag.SESSION_TRACK
"""The capability that lets the server tell of changes of the session's state."""

MULTI_STATEMENTS: Final = ClientFlag.MULTI_STATEMENTS
"""The capability that lets one statement carry others, separated by semicolons."""

_IF_OFFERED: Final = ClientFlag.LONG_PASSWD | ClientFlag.PLUGIN_AUTH_LENENC_CLIENT_DATA | ClientFlag.CONNECT_ARGS | ClientFlag.DEPRECATE_EOF
"""The capabilities that not every server has, and that change the form of the login and of the answers only. All others are asked for in any
case: the greeting comes before TLS, and whoever leaves FOUND_ROWS out of it must not change what an UPDATE counts."""

UTF8MB4: Final = 45
"""Number of utf8mb4_general_ci, which every MySQL and MariaDB has; SET NAMES follows."""

_SSL_REQUEST: Final = struct.Struct("<IIB23x")
_AUTH_SWITCH: Final = 0xFE
_AUTH_MORE_DATA: Final = 0x01
_FAST_AUTH_SUCCESS: Final = b"\x03"
_FULL_AUTHENTICATION: Final = b"\x04"
_MOST_ANSWERS: Final = 10
"""Answers of the server in one sign-in at most: a switch of the plugin and a full authentication need four."""


_MOST_SHOWN: Final = 100
"""Characters that are kept of a text of a peer that is not verified."""


class Greeting(NamedTuple):
    """What the server says of itself before anything is verified."""

    version: str
    connection_id: int
    capabilities: int
    nonce: bytes
    plugin: str


class Login:
    """Who signs in, and how. Not a dataclass: making one costs a cold start 1 ms of CPU."""

    __slots__ = ("attributes", "capabilities", "database", "development", "secret", "server_name", "tls", "token", "user")

    def __init__(
        self,
        *,
        user: str,
        secret: Secret,
        database: str | None,
        attributes: Mapping[str, str],
        tls: ssl.SSLContext,
        server_name: str | None = None,
        token: bool = False,
        capabilities: int = CAPABILITIES,
        development: bool = False,
    ) -> None:
        """Take what the login carries.

        `attributes` are seen in performance_schema.session_connect_attrs; `server_name` is what the server's certificate has to be for, None for
        the host that the stream leads to; `token` tells that the secret is an IAM token: it is sent as it
        is (mysql_clear_password), and nothing but a token ever goes that way. `development`: the server is one's own, and need not offer TLS;
        `tls` verifies nothing then.
        """
        self.user = user
        self.secret = secret
        self.database = database
        self.attributes = attributes
        self.tls = tls
        self.server_name = server_name
        self.token = token
        self.capabilities = capabilities
        self.development = development


def receive_greeting(stream: PacketStream) -> Greeting:
    """Return the server's greeting. Raises OperationalError where none comes, or an error in its place (1040, 1129), and ProtocolError."""
    stream.signing_in = True
    try:
        payload = stream.receive()
    except StatementTimeoutError as error:
        raise NoGreetingError(f"{stream.address} took the connection, but no greeting came", errno=SERVER_LOST) from error
    if payload[:1] == b"\xff":
        said = parse_error(payload)
        raise UnverifiedAnswerError(stream.address, said.errno, str(said.msg))
    reader = PayloadReader(payload, "a greeting")
    if reader.integer(1) != 10:
        reader.fail("MySQL's begins with the protocol's version, 10")
    version = printable(reader.until_nul().decode("ascii", "replace"), _MOST_SHOWN)
    connection_id = reader.integer(4)
    nonce = reader.fixed(8)
    reader.fixed(1)
    capabilities = reader.integer(2)
    reader.fixed(3)  # collation, status
    capabilities |= reader.integer(2) << 16
    size = reader.integer(1)
    reader.fixed(10)
    nonce += reader.fixed(max(13, size - 8))[:12]
    plugin = reader.until_nul().decode("ascii", "replace") if capabilities & ClientFlag.PLUGIN_AUTH else NATIVE_PASSWORD
    return Greeting(version, connection_id, capabilities, nonce, plugin)


class NoGreetingError(OperationalError):
    """The server took the connection and said nothing."""


class UnverifiedAnswerError(OperationalError):
    """Something answered with an error in place of the greeting. That is before TLS, so nobody knows who says it.

    `number` and `text` are what it says; `errno` is the driver's own, so that nothing takes it for the server's refusal.
    """

    def __init__(self, address: str, number: int, text: str) -> None:
        """Take the error as it came."""
        self.number = number
        self.text = printable(text, _MOST_SHOWN)
        super().__init__(f"{address} answered, unverified: error {number} ({self.text})", errno=SERVER_LOST)


def sign_in(stream: PacketStream, greeting: Greeting, login: Login) -> Ok:
    """Secure the stream, sign in and return the server's OK packet.

    Raises NoTlsError where the server offers no TLS, InterfaceError where it fails verification, the server's own error where it refuses, and
    NotSupportedError where it asks for a plugin that is not known here, or for a password in clear.
    """
    flags = login.capabilities & (greeting.capabilities | ~_IF_OFFERED) | ClientFlag.PLUGIN_AUTH | PROTOCOL_41
    if login.database:
        flags |= ClientFlag.CONNECT_WITH_DB
    name = login.server_name or stream.host
    peer = f"{name} at {stream.address}"
    verified = None
    if login.development:
        header = secure_unverified(stream, greeting, flags, login.tls, name)
        if login.token:
            raise NotSupportedError("an IAM token is sent to verified servers only: RDSPOOL_DEVELOPMENT signs in with a password")
    else:
        header = request_tls(stream, greeting, flags)
        verified = resumption.recall(login.tls, peer)
        stream.start_tls(login.tls, verified and verified.session, name)
    plugin = CLEAR_PASSWORD if login.token else greeting.plugin
    if not login.token and plugin not in (CACHING_SHA2, NATIVE_PASSWORD):
        # The greeting may name a plugin that sends a proof of the password, but none that sends the password itself: for that a verified
        # server has to ask.
        plugin = CACHING_SHA2
    with EmptiedFrames():
        _send_login(stream, header, flags, plugin, greeting.nonce, login)
    accepted = _converse(stream, login, plugin, greeting.nonce)
    stream.signing_in = False
    stream.ok_ends_rows = bool(flags & ClientFlag.DEPRECATE_EOF)
    if not login.development:
        assert isinstance(stream.socket, ssl.SSLSocket)
        resumption.keep(login.tls, peer, stream.socket, verified)
    return accepted


def request_tls(stream: PacketStream, greeting: Greeting, flags: int) -> bytes:
    """Ask the server for TLS, and return what was sent: the login begins with the same. Raises NoTlsError where the server offers none."""
    if not greeting.capabilities & ClientFlag.SSL:
        raise NoTlsError(f"{stream.address} offers no TLS, and rdspool sends no sign-in without it", errno=TLS_FAILED)
    header = _SSL_REQUEST.pack(flags | ClientFlag.SSL, MAXIMUM_MAX_ALLOWED_PACKET, UTF8MB4)
    stream.send(header)
    return header


class NoTlsError(InterfaceError):
    """The server offers no TLS."""


def secure_unverified(stream: PacketStream, greeting: Greeting, flags: int, context: ssl.SSLContext, name: str) -> bytes:
    """Begin TLS with a server of one's own, where it offers that, and log what is not verified. Return what the login begins with.

    Raises InterfaceError where the server is one that has to be verified.
    """
    from . import unverified

    offered = bool(greeting.capabilities & ClientFlag.SSL)
    header = _SSL_REQUEST.pack(flags | ClientFlag.SSL if offered else flags, MAXIMUM_MAX_ALLOWED_PACKET, UTF8MB4)
    unverified.secure(stream, header if offered else None, context, name)
    return header


def _send_login(stream: PacketStream, header: bytes, flags: int, plugin: str, nonce: bytes, login: Login) -> None:
    answer = _ANSWERS[plugin](login.secret, nonce)
    if len(answer) > 250 and not flags & ClientFlag.PLUGIN_AUTH_LENENC_CLIENT_DATA:
        answer = b""  # too long for this server's login; it asks again with an AuthSwitchRequest
    parts = [header, ended_by_nul(login.user, "user"), encoded_length(len(answer)), answer]
    if login.database:
        parts.append(ended_by_nul(login.database, "database"))
    parts.append(ended_by_nul(plugin, "plugin"))
    if flags & ClientFlag.CONNECT_ARGS:
        parts.append(_attributes(login.attributes))
    stream.send(b"".join(parts))


def _converse(stream: PacketStream, login: Login, plugin: str, nonce: bytes) -> Ok:
    """Answer the server until it accepts or refuses."""
    encrypted = not login.development or isinstance(stream.socket, ssl.SSLSocket)
    for _ in range(_MOST_ANSWERS):
        payload = stream.receive()
        status = payload[0] if payload else -1
        if status == 0:
            return parse_ok(payload)
        if status == ERR:
            raise parse_error(payload)
        if status == _AUTH_SWITCH and len(payload) > 1:
            reader = PayloadReader(payload, "a request for another sign-in plugin", 1)
            plugin = printable(reader.until_nul().decode("ascii", "replace"), _MOST_SHOWN)
            nonce = reader.rest().removesuffix(b"\0")
            _check_plugin(plugin, login, encrypted=encrypted)
            with EmptiedFrames():
                stream.send(_ANSWERS[plugin](login.secret, nonce))
        elif status == _AUTH_MORE_DATA and plugin == CACHING_SHA2 and payload[1:] == _FAST_AUTH_SUCCESS:
            continue
        elif status == _AUTH_MORE_DATA and plugin == CACHING_SHA2 and payload[1:] == _FULL_AUTHENTICATION:
            with EmptiedFrames():
                if encrypted:
                    stream.send(_clear(login.secret, b""))
                else:
                    from . import unverified

                    unverified.send_encrypted(stream, login.secret, nonce)
        else:
            raise malformed(f"an answer during the sign-in with {plugin}", payload, "it is none that the plugin has")
    raise ProtocolError(f"{stream.address} asked more than {_MOST_ANSWERS} times during the sign-in, and neither accepted nor refused")


def _check_plugin(plugin: str, login: Login, *, encrypted: bool) -> None:
    """Raise NotSupportedError for a plugin that is not known here, or that would give a password away."""
    if plugin not in _ANSWERS:
        raise NotSupportedError(
            f"the server asks for the sign-in plugin '{plugin}'; rdspool knows {', '.join(_ANSWERS)}: "
            "create the user with one of these, or with AWSAuthenticationPlugin for IAM"
        )
    if _ANSWERS[plugin] is _clear and not encrypted:
        raise NotSupportedError(
            f"the server asks for the password of {login.user!r} in clear ({plugin}) and offers no TLS: let it offer TLS, or create the user with {CACHING_SHA2}"
        )
    if plugin == CLEAR_PASSWORD and not login.token:
        raise NotSupportedError(
            f"the server asks for the password of {login.user!r} in clear ({CLEAR_PASSWORD}), and rdspool sends IAM tokens so, but no "
            f"password: leave RDSPOOL_PASSWORD out to sign in with IAM, or create the user with {CACHING_SHA2}"
        )


def _attributes(attributes: Mapping[str, str]) -> bytes:
    pairs = b"".join(encoded_length(len(text)) + text for pair in attributes.items() for text in (part.encode() for part in pair))
    return encoded_length(len(pairs)) + pairs


def _clear(secret: Secret, _nonce: bytes) -> bytes:
    return ended_by_nul(secret.reveal(), "password")


def _native(secret: Secret, nonce: bytes) -> bytes:
    password = secret.reveal().encode()
    if not password:
        return b""
    once = hashlib.sha1(password, usedforsecurity=False).digest()
    twice = hashlib.sha1(once, usedforsecurity=False).digest()
    return _xor(once, hashlib.sha1(nonce[:20] + twice, usedforsecurity=False).digest())


def _caching_sha2(secret: Secret, nonce: bytes) -> bytes:
    password = secret.reveal().encode()
    if not password:
        return b""
    once = hashlib.sha256(password).digest()
    twice = hashlib.sha256(once).digest()
    return _xor(once, hashlib.sha256(twice + nonce[:20]).digest())


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


_ANSWERS: Final = {CLEAR_PASSWORD: _clear, CACHING_SHA2: _caching_sha2, NATIVE_PASSWORD: _native, SHA256: _clear}
"""What each plugin sends. All of it runs behind verified TLS, but for `development`: there nothing is sent in clear without TLS."""
