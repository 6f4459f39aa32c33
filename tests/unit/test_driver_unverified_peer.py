"""The sign-in: what an unverified peer says decides nothing, and the server gets a proof of the password, not the password."""

from __future__ import annotations

import ssl

import pytest
from fake_server import ok, packets, refusal
from fake_sign_in import FULL, READ, TEXT, greeting
from mysql.connector.constants import ClientFlag
from mysql.connector.errors import NotSupportedError, OperationalError
from rdspool import ProtocolError, Settings, SettingsError, errors
from rdspool._aws import diagnosis
from rdspool._driver import tls
from rdspool._driver.disconnects import is_disconnect
from rdspool._driver.packets import SIGN_IN_BYTES, PacketStream
from rdspool._driver.sign_in import CAPABILITIES, MULTI_STATEMENTS, UnverifiedAnswerError, receive_greeting
from rdspool.deadlines import within
from rdspool.secret import Secret

from local.certificates import authority
from local.front.handshake import Login as ReadLogin
from local.front.protocol import auth_switch, error
from tests.secrecy import found_in

NAME = "db.test"
SETTINGS = Settings(host=NAME, user="app", region="eu-central-1")
NONCE = b"n" * 20 + b"\0"
MORE_FULL = b"\x01\x04"


def answering(*answers):
    """Return the script of a server that gives these answers one by one, each to what the client sends."""
    return [step for answer in answers for step in (READ, answer)]


def sent_to(server):
    """Return all that a server got within TLS, after the client has closed."""
    server.wait()
    return server.received[1:] + (server.after.wait() if server.after else [])


# -- before TLS -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1040, 1045, 1129, 1130, 1203, 1836, 2006, 65535])
@pytest.mark.parametrize("before_greeting", [True, False])
def test_an_error_in_place_of_the_greeting_is_no_refusal(signing_in, number, before_greeting):
    with pytest.raises(OperationalError) as caught:
        signing_in(greets=error(number, "28000", "said \x1b[2J\r\nby \u202e" + "x" * 5000, before_greeting=before_greeting))
    assert type(caught.value) is UnverifiedAnswerError
    assert caught.value.errno == 2013
    assert caught.value.sqlstate is None
    assert caught.value.number == number
    explained = diagnosis.explain(caught.value, SETTINGS, Secret("token"), within(1, "test"))
    assert type(explained) is (errors.TooManyConnectionsError if number == 1040 else errors.UnreachableError)
    assert explained.errno == (1040 if number == 1040 else 2013)
    for said in (str(caught.value), str(explained)):
        assert f"answered, unverified: error {number} (said \\x1b[2J\\r\\nby \\u202e" in said
        assert said.isprintable()
        assert "x" * 100 not in said
    if number in (1040, 1129, 1130):
        assert "which a MySQL server sends when" in str(explained)
    assert is_disconnect(caught.value)


def test_the_greetings_texts_are_printable_and_short(pair):
    ours, theirs = pair()
    theirs.sendall(packets([greeting("\x1b[2J" * 500, version="9.7.0\x1b]0;title\x07\r\n" + "9" * 6000)], 0))
    found = receive_greeting(PacketStream(ours, NAME, 3306))
    assert found.version.startswith("9.7.0\\x1b]0;title\\x07\\r\\n999")
    assert found.version.isprintable()
    assert len(found.version) < 200


@pytest.mark.parametrize("announced", [SIGN_IN_BYTES + 1, 0xFFFFFF])
def test_a_greeting_is_bounded(pair, announced):
    ours, theirs = pair()
    stream = PacketStream(ours, NAME, 3306)
    theirs.sendall(announced.to_bytes(3, "little") + b"\0")
    with pytest.raises(ProtocolError, match=r"more than 65,536 bytes during the sign-in"):
        receive_greeting(stream)
    stream.close()


def test_the_greeting_takes_no_capability_away(signing_in):
    """FOUND_ROWS decides what an UPDATE counts: whoever sits in between could leave it out of a greeting."""
    asked = CAPABILITIES | MULTI_STATEMENTS
    form = ClientFlag.LONG_PASSWD | ClientFlag.PLUGIN_AUTH_LENENC_CLIENT_DATA | ClientFlag.CONNECT_ARGS | ClientFlag.DEPRECATE_EOF
    _, server = signing_in(greets=greeting(capabilities=ClientFlag.SSL | ClientFlag.PLUGIN_AUTH), capabilities=asked)
    assert ReadLogin.parse(server.login).capabilities & asked == asked & ~form
    _, server = signing_in(greets=greeting(capabilities=FULL))
    assert ReadLogin.parse(server.login).capabilities & asked == CAPABILITIES


# -- the password ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plugin", ["mysql_clear_password", "sha256_password", "no_such_plugin", "\x1b[2J", ""])
def test_the_greeting_does_not_get_the_password_itself(signing_in, plugin):
    _, server = signing_in(greets=greeting(plugin))
    login = ReadLogin.parse(server.login)
    assert (login.plugin, len(login.reply)) == ("caching_sha2_password", 32)
    assert TEXT.encode() not in b"".join(server.received)


@pytest.mark.parametrize(("plugin", "size"), [("caching_sha2_password", 32), ("mysql_native_password", 20)])
def test_the_greeting_chooses_among_the_proofs(signing_in, plugin, size):
    _, server = signing_in(greets=greeting(plugin))
    login = ReadLogin.parse(server.login)
    assert (login.plugin, len(login.reply)) == (plugin, size)


@pytest.mark.parametrize("greeted", ["caching_sha2_password", "mysql_clear_password"])
@pytest.mark.parametrize("before", [[], [auth_switch("mysql_native_password") + NONCE]])
def test_no_server_gets_a_password_as_a_token_is_sent(signing_in, greeted, before):
    with pytest.raises(NotSupportedError, match=r"password of 'app' in clear") as caught:
        signing_in(answering(*before, auth_switch("mysql_clear_password")), greets=greeting(greeted))
    assert TEXT not in str(caught.value)
    stream, server = signing_in.made[0]
    stream.close()
    sent = sent_to(server)
    assert len(sent) == len(before) + 1
    assert TEXT.encode() not in b"".join(sent)


@pytest.mark.parametrize("switch", [MORE_FULL, auth_switch("sha256_password") + NONCE])
def test_a_verified_server_can_ask_for_the_password(signing_in, switch):
    _, server = signing_in(answering(switch, ok()))
    assert server.received[2] == TEXT.encode() + b"\0"


@pytest.mark.parametrize("token", [False, True])
def test_an_unknown_plugin_is_named_printable_and_short(signing_in, token):
    with pytest.raises(NotSupportedError, match="asks for the sign-in plugin") as caught:
        signing_in(answering(auth_switch("\x1b[2J\r\n" + "x" * 5000)), token=token)
    assert found_in(caught.value, [TEXT]) == []
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_a_verified_refusal_is_the_servers(signing_in):
    with pytest.raises(errors.Error) as caught:
        signing_in(answering(refusal(1045, "Access denied \x1b[2J\u202e", "28000")))
    assert (caught.value.errno, caught.value.sqlstate) == (1045, "28000")
    assert str(caught.value).isprintable()
    assert type(diagnosis.explain(caught.value, SETTINGS, None, within(1, "test"))) is errors.SignInError


# -- names ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("changes", "what"), [({"user": "app\0tenant2"}, "user"), ({"database": "app\0tenant2"}, "database")])
def test_no_name_ends_early(signing_in, changes, what):
    """This is the last check: the settings refuse such a name too."""
    with pytest.raises(SettingsError, match=f"the {what} has a NUL"):
        signing_in(**changes)
    stream, server = signing_in.made[0]
    stream.close()
    assert sent_to(server) == []


def test_the_server_is_verified_first(signing_in, tmp_path):
    other = tls.context((str(authority(tmp_path / "other").ca),))
    with pytest.raises(errors.InterfaceError, match="TLS with") as caught:
        signing_in(tls=other)
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    stream, server = signing_in.made[0]
    stream.close()
    assert sent_to(server) == []
