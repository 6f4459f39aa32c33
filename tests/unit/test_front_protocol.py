"""Greeting, login, sequence numbers, sign-in hashes: MySQL's protocol as the front writes and reads it."""

from __future__ import annotations

import pytest
from pymysql import _auth

from local.front.backend import caching_sha2_password, native_password
from local.front.handshake import Greeting, Login, is_ssl_request
from local.front.protocol import Capability, Cursor, ProtocolError, error, framed, lenenc

NONCE = bytes(range(1, 21))


@pytest.mark.parametrize("value", [0, 250, 251, 65535, 65536, (1 << 24) - 1, 1 << 24, 1 << 40])
def test_lenenc(value: int) -> None:
    assert Cursor(lenenc(value)).lenenc() == value


def test_greeting_is_read_as_it_was_written() -> None:
    greeting = Greeting(b"9.7.4-2", 4711, NONCE, 0xDFFFFFFF, 255, 2, b"\0" * 10, b"caching_sha2_password")
    assert Greeting.parse(greeting.payload()) == greeting
    shown = greeting.for_clients()
    assert (shown.thread_id, shown.nonce, shown.version) == (4711, NONCE, b"9.7.4-2")
    assert shown.capabilities & Capability.SSL
    assert not shown.capabilities & (Capability.COMPRESS | Capability.ZSTD | Capability.MULTI_FACTOR)


def test_greeting_that_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="error 1040"):
        Greeting.parse(error(1040, "08004", "Too many connections", before_greeting=True))


def login(reply: bytes, capabilities: int) -> bytes:
    """Return a login written out by hand after the protocol's documentation."""
    start = capabilities.to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + b"\x2d" + b"\0" * 23
    size = lenenc(len(reply)) if capabilities & Capability.PLUGIN_AUTH_LENENC else bytes((len(reply),))
    attributes = b"\x04name\x05value"
    return start + b"app\0" + size + reply + b"shop\0" + b"mysql_clear_password\0" + bytes((len(attributes),)) + attributes


COMMON = (
    Capability.PROTOCOL_41
    | Capability.CONNECT_WITH_DB
    | Capability.PLUGIN_AUTH
    | Capability.CONNECT_ATTRS
    | Capability.SECURE_CONNECTION
    | Capability.SSL
)


@pytest.mark.parametrize(("size", "extra"), [(20, 0), (1400, Capability.PLUGIN_AUTH_LENENC)])
def test_login(size: int, extra: int) -> None:
    parsed = Login.parse(login(b"t" * size, COMMON | extra))
    assert (parsed.user, parsed.database, parsed.plugin, parsed.attributes) == ("app", b"shop", "mysql_clear_password", {"name": "value"})
    assert parsed.reply == b"t" * size
    assert "ttt" not in repr(parsed)
    again = Login.parse(parsed.payload(tls=False))
    assert (again.user, again.reply, again.database, again.attributes, again.charset) == (
        "app",
        b"t" * size,
        b"shop",
        {"name": "value"},
        0x2D,
    )
    assert not again.capabilities & Capability.SSL


@pytest.mark.parametrize("size", [0, 10, 40, 50])
def test_short_login(size: int) -> None:
    with pytest.raises(ProtocolError):
        Login.parse(login(b"t" * 20, COMMON)[:size])


def test_ssl_request() -> None:
    whole = login(b"", COMMON)
    assert is_ssl_request(whole[:32])
    assert not is_ssl_request(whole)
    assert not is_ssl_request(login(b"", COMMON & ~Capability.SSL)[:32])


@pytest.mark.parametrize("password", ["secret", "pässwörd", ""])
def test_sign_in_hashes(password: str) -> None:
    """They equal PyMySQL's."""
    assert native_password(password, NONCE) == _auth.scramble_native_password(password.encode(), NONCE)
    assert caching_sha2_password(password, NONCE) == _auth.scramble_caching_sha2(password.encode(), NONCE)


def test_error_packet() -> None:
    assert (
        framed(error(1040, "08004", "Too many connections", before_greeting=True), 0) == b"\x17\x00\x00\x00\xff\x10\x04Too many connections"
    )
    assert error(1045, "28000", "No") == b"\xff\x15\x04#28000No"
