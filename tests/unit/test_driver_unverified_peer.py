"""The sign-in: what an unverified peer says decides on nothing, and a password goes to the server as a proof unless it may go as it is."""

import ssl

import pytest
from fake_server import ok, refusal
from mysql.connector.constants import ClientFlag
from mysql.connector.errors import NotSupportedError, OperationalError
from rdspool import Settings, errors
from rdspool._aws import diagnosis
from rdspool._driver import tls
from rdspool._driver.disconnects import is_disconnect
from rdspool._driver.packets import SIGN_IN_BYTES, PacketStream
from rdspool._driver.sign_in import CAPABILITIES, MULTI_STATEMENTS, Login, UnverifiedAnswerError, receive_greeting, sign_in
from rdspool.deadlines import within
from rdspool.errors import ProtocolError, SettingsError
from rdspool.secret import Secret
from sign_in_server import CAPABILITIES as SERVERS_CAPABILITIES
from sign_in_server import SignInServer, greeting

from local.certificates import authority
from local.front.protocol import error
from tests.secrecy import found_in

NAME = "db.test"
PASSWORD = "S3cret-password"
SETTINGS = Settings(host=NAME, user="app", region="eu-central-1")


@pytest.fixture(scope="session")
def issuer(tmp_path_factory):
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def meet(pair, issuer):
    """A function that returns a stream and the server at its other end, which begins with these payloads."""
    made = []

    def new(first, answers=()):
        ours, theirs = pair()
        stream = PacketStream(ours, NAME, 3306, timeout=20)
        server = SignInServer(theirs, issuer.issue([NAME]), first, answers)
        made.append((stream, server))
        return stream, server

    yield new
    for stream, server in made:
        stream.close()
        server.wait()


@pytest.fixture
def login(issuer):
    """A function that returns a login with a password, or with what is given instead."""

    def new(**changes):
        given = {"user": "app", "secret": Secret(PASSWORD), "database": None, "attributes": {}, "tls": tls.context((str(issuer.ca),))}
        return Login(**{**given, **changes})

    return new


def signed_in(stream, login):
    try:
        return sign_in(stream, receive_greeting(stream), login)
    finally:
        stream.close()


# -- before TLS -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1040, 1045, 1129, 1130, 1203, 1836, 2006, 65535])
@pytest.mark.parametrize("before_greeting", [True, False])
def test_an_error_in_place_of_the_greeting_is_no_refusal(meet, number, before_greeting):
    stream, _ = meet(error(number, "28000", "said \x1b[2J\r\nby \u202e" + "x" * 5000, before_greeting=before_greeting))
    with pytest.raises(OperationalError) as caught:
        receive_greeting(stream)
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


def test_the_greetings_texts_are_printable_and_short(meet, login):
    stream, _ = meet(greeting(b"9.7.0\x1b]0;title\x07\r\n" + b"9" * 6000, plugin=b"\x1b[2J" * 500))
    found = receive_greeting(stream)
    assert found.version.startswith("9.7.0\\x1b]0;title\\x07\\r\\n999")
    assert found.version.isprintable()
    assert len(found.version) < 200


@pytest.mark.parametrize("announced", [SIGN_IN_BYTES + 1, 0xFFFFFF])
def test_a_greeting_is_bounded(pair, announced):
    ours, theirs = pair()
    stream = PacketStream(ours, NAME, 3306, timeout=20)
    theirs.sendall(announced.to_bytes(3, "little") + b"\0")
    with pytest.raises(ProtocolError, match=r"more than 65,536 bytes during the sign-in"):
        receive_greeting(stream)
    stream.close()


def test_the_greeting_takes_no_capability_away(meet, login):
    """FOUND_ROWS decides what an UPDATE counts: whoever sits in between could leave it out of a greeting."""
    asked = CAPABILITIES | MULTI_STATEMENTS
    form = ClientFlag.LONG_PASSWD | ClientFlag.PLUGIN_AUTH_LENENC_CLIENT_DATA | ClientFlag.CONNECT_ARGS
    stream, server = meet(greeting(capabilities=ClientFlag.SSL | ClientFlag.PLUGIN_AUTH), [ok()])
    signed_in(stream, login(capabilities=asked))
    assert server.login.capabilities & asked == asked & ~form
    stream, server = meet(greeting(capabilities=SERVERS_CAPABILITIES), [ok()])
    signed_in(stream, login())
    assert server.login.capabilities & asked == CAPABILITIES


def test_no_tls_no_sign_in(meet, login):
    stream, server = meet(greeting(capabilities=SERVERS_CAPABILITIES & ~ClientFlag.SSL))
    with pytest.raises(errors.InterfaceError, match="offers no TLS"):
        signed_in(stream, login())
    server.wait()
    assert server.received == []


# -- the password ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"sha256_password", b"no_such_plugin", b"\x1b[2J", b""])
def test_the_greeting_does_not_get_the_password_itself(meet, login, plugin):
    stream, server = meet(greeting(plugin=plugin), [ok()])
    signed_in(stream, login())
    assert server.login.plugin == "caching_sha2_password"
    assert len(server.login.reply) == 32
    assert PASSWORD.encode() not in b"".join(server.received)


@pytest.mark.parametrize(("plugin", "size"), [(b"caching_sha2_password", 32), (b"mysql_native_password", 20)])
def test_the_greeting_chooses_among_the_proofs(meet, login, plugin, size):
    stream, server = meet(greeting(plugin=plugin), [ok()])
    signed_in(stream, login())
    assert (server.login.plugin, len(server.login.reply)) == (plugin.decode(), size)


@pytest.mark.parametrize("greeted", [b"caching_sha2_password", b"mysql_clear_password"])
@pytest.mark.parametrize("before", [[], [b"\xfemysql_native_password\0" + b"n" * 20 + b"\0"]])
def test_no_server_gets_a_password_as_a_token_is_sent(meet, login, greeted, before):
    stream, server = meet(greeting(plugin=greeted), [*before, b"\xfemysql_clear_password\0"])
    with pytest.raises(NotSupportedError, match=r"password of 'app' in clear.*leave RDSPOOL_PASSWORD out") as caught:
        signed_in(stream, login())
    assert PASSWORD not in str(caught.value)
    server.wait()
    assert len(server.received) == len(before) + 1
    assert PASSWORD.encode() not in b"".join(server.received)


def test_a_token_is_sent_as_it_is(meet, login):
    stream, server = meet(greeting(plugin=b"caching_sha2_password"), [ok()])
    signed_in(stream, login(token=True))
    assert server.login.plugin == "mysql_clear_password"
    assert server.login.reply == PASSWORD.encode() + b"\0"
    stream, server = meet(greeting(), [b"\xfemysql_clear_password\0", ok()])
    signed_in(stream, login(token=True))
    assert server.received[1] == PASSWORD.encode() + b"\0"


@pytest.mark.parametrize("switch", [b"\x01\x04", b"\xfesha256_password\0" + b"n" * 20 + b"\0"])
def test_a_verified_server_can_ask_for_the_password(meet, login, switch):
    stream, server = meet(greeting(), [switch, ok()])
    signed_in(stream, login())
    assert server.received[1] == PASSWORD.encode() + b"\0"


@pytest.mark.parametrize("token", [False, True])
def test_an_unknown_plugin_is_named_printable_and_short(meet, login, token):
    stream, _ = meet(greeting(), [b"\xfe\x1b[2J\r\n" + b"x" * 5000 + b"\0"])
    with pytest.raises(NotSupportedError, match="asks for the sign-in plugin") as caught:
        signed_in(stream, login(token=token))
    assert found_in(caught.value, [PASSWORD]) == []
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


def test_a_server_that_only_asks(meet, login):
    stream, _ = meet(greeting(), [b"\xfemysql_native_password\0" + b"n" * 20 + b"\0"] * 30)
    with pytest.raises(ProtocolError, match="more than 10 times"):
        signed_in(stream, login())


def test_a_verified_refusal_is_the_servers(meet, login):
    stream, _ = meet(greeting(), [refusal(1045, "Access denied \x1b[2J\u202e", "28000")])
    with pytest.raises(errors.Error) as caught:
        signed_in(stream, login())
    assert (caught.value.errno, caught.value.sqlstate) == (1045, "28000")
    assert str(caught.value).isprintable()
    assert type(diagnosis.explain(caught.value, SETTINGS, None, within(1, "test"))) is errors.SignInError


# -- names ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("changes", "what"), [({"user": "app\0tenant2"}, "user"), ({"database": "app\0tenant2"}, "database")])
def test_no_name_ends_early(meet, login, changes, what):
    """The last barrier: the settings refuse such a name too."""
    stream, server = meet(greeting(), [ok()])
    with pytest.raises(SettingsError, match=f"the {what} has a NUL"):
        signed_in(stream, login(**changes))
    server.wait()
    assert server.received == []


def test_the_server_is_verified_first(meet, login, tmp_path):
    stream, server = meet(greeting(), [ok()])
    other = tls.context((str(authority(tmp_path / "other").ca),))
    with pytest.raises(errors.InterfaceError, match="TLS with") as caught:
        signed_in(stream, login(tls=other))
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    server.wait()
    assert server.received == []
