"""The sign-in over a socket pair, with real TLS: greeting, plugins, refusals, and that no frame keeps the secret."""

from __future__ import annotations

import hashlib
import random
import ssl

import pytest
from fake_server import close, ok, packets, refusal
from fake_sign_in import FULL, NONCE, READ, TEXT, SignInServer, greeting
from mysql.connector.errors import Error, InterfaceError, NotSupportedError, OperationalError, ProgrammingError
from rdspool import ProtocolError
from rdspool._driver import resumption
from rdspool._driver.packets import PacketStream
from rdspool._driver.sign_in import CAPABILITIES, MULTI_STATEMENTS, Login, NoGreetingError, UnverifiedAnswerError, receive_greeting, sign_in
from rdspool.deadlines import within
from rdspool.secret import Secret

from local.front.handshake import Login as ReadLogin
from local.front.protocol import Capability, auth_switch
from tests.secrecy import found_in, frames_of

MORE_FAST, MORE_FULL = b"\x01\x03", b"\x01\x04"


def native(password, nonce=NONCE):
    once = hashlib.sha1(password, usedforsecurity=False).digest()
    mask = hashlib.sha1(nonce + hashlib.sha1(once, usedforsecurity=False).digest(), usedforsecurity=False).digest()
    return bytes(a ^ b for a, b in zip(once, mask, strict=True))


def sha2(password, nonce=NONCE):
    once = hashlib.sha256(password).digest()
    mask = hashlib.sha256(hashlib.sha256(once).digest() + nonce).digest()
    return bytes(a ^ b for a, b in zip(once, mask, strict=True))


# -- the greeting --------------------------------------------------------------------------------------------------------------------


def greeted(pair, sent):
    ours, theirs = pair()
    theirs.sendall(sent)
    theirs.close()
    return receive_greeting(PacketStream(ours, "db.test", 3306))


def test_a_greeting_is_read(pair):
    found = greeted(pair, packets([greeting("mysql_native_password", version="8.4.3", connection_id=1 << 31, capabilities=FULL)], 0))
    assert found == ("8.4.3", 1 << 31, FULL, NONCE, "mysql_native_password")


def test_a_greeting_without_a_plugins_name_is_of_the_oldest_plugin(pair):
    assert greeted(pair, packets([greeting(capabilities=FULL & ~Capability.PLUGIN_AUTH)], 0)).plugin == "mysql_native_password"


def test_a_refusal_in_place_of_a_greeting_is_unverified(pair):
    """It is sent before TLS, where anybody can have sent it."""
    with pytest.raises(UnverifiedAnswerError, match=r"unverified: error 1040 \(Too many connections\)") as caught:
        greeted(pair, packets([b"\xff\x10\x04Too many connections"], 0))
    assert (caught.value.number, caught.value.errno) == (1040, 2013)


@pytest.mark.parametrize(
    "sent", [packets([b""], 0), packets([b"\x09" + greeting()[1:]], 0), packets([greeting()], 1), b"HTTP/1.1 400 Bad Request\r\n\r\n"]
)
def test_what_is_no_greeting_is_refused(pair, sent):
    with pytest.raises((ProtocolError, OperationalError)):
        greeted(pair, sent)


def test_a_greeting_that_is_cut_is_refused(pair):
    whole = greeting()
    plugin = len("caching_sha2_password\0")
    for size in range(len(whole) - plugin):
        with pytest.raises(ProtocolError, match="a greeting"):
            greeted(pair, packets([whole[:size]], 0))


def test_any_greeting_is_read_or_refused(pair):
    generator = random.Random(26)
    for _ in range(500):
        sent = bytearray(greeting())
        for _ in range(generator.choice([1, 3, 20])):
            sent[generator.randrange(len(sent))] = generator.randrange(256)
        try:
            greeted(pair, packets([bytes(sent)], 0))
        except Error:
            continue


def test_a_server_that_sends_no_greeting_is_an_error(pair):
    ours, _ = pair()
    stream = PacketStream(ours, "db.test", 3306)
    stream.waiting.limit(within(0.02, "connect_timeout"))
    with pytest.raises(NoGreetingError, match="no greeting came"):
        receive_greeting(stream)


# -- the login -----------------------------------------------------------------------------------------------------------------------


def test_a_login_carries_user_database_plugin_and_attributes(signing_in):
    accepted, server = signing_in((READ, ok(status=0x4002)))
    assert accepted.status == 0x4002
    request, login = server.received
    assert len(request) == 32
    assert login[:32] == request, "the login repeats the request for TLS"
    assert int.from_bytes(login[4:8], "little") == 1 << 30, "the servers' own maximum of max_allowed_packet"
    found = ReadLogin.parse(login)
    assert (found.user, found.database, found.plugin, found.attributes) == ("app", b"shop", "caching_sha2_password", {"program_name": "f"})
    assert found.capabilities == CAPABILITIES | Capability.SSL | Capability.PLUGIN_AUTH | Capability.CONNECT_WITH_DB
    assert not found.capabilities & (MULTI_STATEMENTS | 1 << 7), "neither several statements, nor files of this machine"


def test_what_changes_the_logins_form_is_asked_for_only_where_the_server_has_it(signing_in):
    """All else is asked for in any case: the greeting is sent before TLS, and whoever removes FOUND_ROWS from it must not change a count."""
    capabilities = Capability.PROTOCOL_41 | Capability.SSL | Capability.PLUGIN_AUTH | Capability.SECURE_CONNECTION
    _, server = signing_in(greets=greeting(capabilities=capabilities), database=None, capabilities=CAPABILITIES | MULTI_STATEMENTS)
    wanted = CAPABILITIES | MULTI_STATEMENTS | Capability.SSL | Capability.PLUGIN_AUTH
    changing_form = Capability.MYSQL | Capability.PLUGIN_AUTH_LENENC | Capability.CONNECT_ATTRS | Capability.DEPRECATE_EOF
    assert ReadLogin.parse(server.login).capabilities == wanted & ~changing_form
    assert ReadLogin.parse(server.login).attributes == {}


@pytest.mark.parametrize(
    ("plugin", "expected"),
    [
        ("caching_sha2_password", sha2(TEXT.encode())),
        ("mysql_native_password", native(TEXT.encode())),
        # The greeting is not verified yet: it names no plugin that sends the password itself.
        ("mysql_clear_password", sha2(TEXT.encode())),
        ("sha256_password", sha2(TEXT.encode())),
        ("auth_gssapi_client", sha2(TEXT.encode())),
    ],
)
def test_each_plugin_sends_its_proof_with_the_login(signing_in, plugin, expected):
    _, server = signing_in(greets=greeting(plugin))
    assert ReadLogin.parse(server.login).reply == expected


@pytest.mark.parametrize("plugin", ["caching_sha2_password", "mysql_native_password"])
def test_an_empty_password_sends_nothing(signing_in, plugin):
    _, server = signing_in(greets=greeting(plugin), secret=Secret(""))
    assert ReadLogin.parse(server.login).reply == b""


def test_a_token_is_sent_with_the_login(signing_in):
    token = "x" * 1400
    _, server = signing_in(token=True, secret=Secret(token))
    found = ReadLogin.parse(server.login)
    assert (found.plugin, found.reply) == ("mysql_clear_password", token.encode() + b"\0")


def test_a_token_too_long_for_a_servers_login_waits_until_it_asks(signing_in):
    capabilities = FULL & ~Capability.PLUGIN_AUTH_LENENC
    script = (READ, auth_switch("mysql_clear_password"), READ, ok())
    _, server = signing_in(script, greets=greeting(capabilities=capabilities), token=True, secret=Secret("x" * 1400))
    assert ReadLogin.parse(server.login).reply == b""
    assert server.received[2] == b"x" * 1400 + b"\0"


OTHER = bytes(range(101, 121))


@pytest.mark.parametrize(
    ("plugin", "data", "expected"),
    [
        ("caching_sha2_password", OTHER + b"\0", sha2(TEXT.encode(), OTHER)),
        ("mysql_native_password", OTHER + b"\0", native(TEXT.encode(), OTHER)),
        ("mysql_native_password", OTHER, native(TEXT.encode(), OTHER)),
        ("sha256_password", OTHER + b"\0", TEXT.encode() + b"\0"),
    ],
)
def test_a_switch_to_another_plugin_is_answered(signing_in, plugin, data, expected):
    _, server = signing_in((READ, auth_switch(plugin) + data, READ, ok()))
    assert server.received[2] == expected


def test_a_password_is_never_sent_in_clear_as_a_token_is(signing_in):
    with pytest.raises(NotSupportedError, match="asks for the password of 'app' in clear"):
        signing_in((READ, auth_switch("mysql_clear_password"), READ, ok()))


def test_a_password_that_the_server_knows_is_accepted_fast(signing_in):
    accepted, server = signing_in((READ, MORE_FAST, ok(status=2)))
    assert accepted.status == 2
    assert len(server.received) == 2


def test_a_password_that_the_server_does_not_know_yet_is_sent_behind_tls(signing_in):
    _, server = signing_in((READ, MORE_FULL, READ, ok()))
    assert server.received[2] == TEXT.encode() + b"\0"


def test_a_switch_and_a_full_authentication_are_answered(signing_in):
    script = (READ, auth_switch("caching_sha2_password") + OTHER + b"\0", READ, MORE_FULL, READ, ok())
    _, server = signing_in(script, greets=greeting("mysql_native_password"))
    assert server.received[2:] == [sha2(TEXT.encode(), OTHER), TEXT.encode() + b"\0"]


# -- refusals ------------------------------------------------------------------------------------------------------------------------


def test_a_refusal_is_the_servers_error(signing_in):
    with pytest.raises(ProgrammingError, match="Access denied") as caught:
        signing_in((READ, refusal(1045, "Access denied", "28000")))
    assert caught.value.errno == 1045


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x00", b"\xfe", b"\x01", b"\x01\x05", b"\x01\x03x", b"\x02", b"\x01" + b"-----BEGIN PUBLIC KEY-----"],
    ids=["empty", "short ok", "old switch", "no data", "unknown data", "long data", "unknown", "key"],
)
def test_an_answer_that_no_plugin_has_is_refused(signing_in, answer):
    with pytest.raises(ProtocolError):
        signing_in((READ, answer))


@pytest.mark.parametrize(
    ("plugin", "options"),
    [("mysql_native_password", {"greets": greeting("mysql_native_password")}), ("mysql_clear_password", {"token": True})],
)
def test_only_caching_sha2_has_further_answers(signing_in, plugin, options):
    for answer in (MORE_FAST, MORE_FULL):
        with pytest.raises(ProtocolError, match=f"sign-in with {plugin}"):
            signing_in((READ, answer), **options)


@pytest.mark.parametrize(
    ("plugin", "shown"), [("authentication_ldap_sasl_client", "authentication_ldap_sasl_client"), ("", ""), ("ev\n\x1bil", r"ev\n\x1bil")]
)
def test_a_plugin_that_is_not_known_is_named(signing_in, plugin, shown):
    with pytest.raises(NotSupportedError) as caught:
        signing_in((READ, auth_switch(plugin)))
    assert str(caught.value).startswith(f"the server asks for the sign-in plugin '{shown}'; rdspool knows ")


def test_a_server_that_never_stops_asking_is_refused(signing_in):
    script = (READ, *[auth_switch("sha256_password"), READ] * 20)
    with pytest.raises(ProtocolError, match="asked more than 10 times"):
        signing_in(script)


def test_a_server_that_closes_in_the_middle_is_a_lost_connection(signing_in):
    for script in ((READ, close), (close,), (READ, auth_switch("sha256_password"), close)):
        with pytest.raises(OperationalError):
            signing_in(script)


# -- TLS -----------------------------------------------------------------------------------------------------------------------------


def nothing_was_sent(server):
    server.close()
    assert all(TEXT.encode() not in payload for payload in server.received)
    assert len(server.received) <= 1


def test_a_server_without_tls_gets_nothing(signing_in):
    with pytest.raises(InterfaceError, match="offers no TLS") as caught:
        signing_in(greets=greeting(capabilities=FULL & ~Capability.SSL))
    assert caught.value.errno == 2026
    signing_in.made[0][0].close()
    signing_in.made[0][1].wait()
    assert signing_in.made[0][1].received == []


def test_data_ahead_of_tls_is_refused(pair, client_tls):
    ours, theirs = pair()
    theirs.sendall(packets([greeting(), b"ahead"], 0))
    stream = PacketStream(ours, "db.test", 3306)
    found = receive_greeting(stream)
    with pytest.raises(ProtocolError, match="ahead of the TLS handshake"):
        sign_in(stream, found, Login(user="app", secret=Secret(TEXT), database=None, attributes={}, tls=client_tls))
    stream.close()
    assert TEXT.encode() not in theirs.recv(1000)


@pytest.mark.parametrize("host", ["other.test", "10.0.0.1"])
def test_a_certificate_for_another_name_gets_nothing(signing_in, host):
    with pytest.raises(InterfaceError, match="TLS with") as caught:
        signing_in(host=host)
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    nothing_was_sent(signing_in.made[0][1])


def test_a_certificate_of_another_authority_gets_nothing(signing_in):
    with pytest.raises(InterfaceError) as caught:
        signing_in(tls=ssl.create_default_context(cadata=None))
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    nothing_was_sent(signing_in.made[0][1])


def test_a_certificate_that_has_ended_gets_nothing(signing_in, certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.issue(["db.test"], expired=True))
    with pytest.raises(InterfaceError) as caught:
        signing_in(context=context)
    assert caught.value.__cause__.verify_code == 10
    nothing_was_sent(signing_in.made[0][1])


def test_a_server_that_speaks_no_tls_after_the_request_gets_nothing(signing_in, pair, client_tls):
    ours, theirs = pair()
    server = SignInServer(theirs, None)
    stream = PacketStream(ours, "db.test", 3306)
    found = receive_greeting(stream)
    theirs.sendall(b"no TLS at all, only words")
    with pytest.raises(InterfaceError, match="TLS with") as caught:
        sign_in(stream, found, Login(user="app", secret=Secret(TEXT), database=None, attributes={}, tls=client_tls))
    assert caught.value.errno == 2026
    stream.close()
    nothing_was_sent(server)


def test_a_second_sign_in_resumes_the_session_and_forget_ends_that(signing_in, server_tls, client_tls):
    resumed = []
    script = (lambda channel: resumed.append(channel.session_reused), READ, ok())
    signing_in(script)
    signing_in(script)
    resumption.forget()
    signing_in(script)
    assert resumed == [False, True, False]


def test_sessions_are_kept_by_name_and_address_and_their_number_is_bounded(signing_in, client_tls):
    _, _ = signing_in()
    stream = signing_in.made[0][0]
    assert resumption.recall(client_tls, "db.test at db.test:3306") is not None
    assert resumption.recall(client_tls, "db.test at db.test:3307") is None
    assert resumption.recall(client_tls, "other.test at db.test:3306") is None
    assert resumption.recall(ssl.create_default_context(), "db.test at db.test:3306") is None
    for number in range(200):
        resumption.keep(client_tls, f"host-{number}", stream.socket, None)
    assert len(resumption._sessions[client_tls]) <= 64


def test_the_name_that_is_verified_can_be_another_than_the_hosts(signing_in):
    accepted, _ = signing_in(host="alias.test", server_name="db.test")
    assert accepted
    with pytest.raises(InterfaceError, match=r"alias\.test:3306 failed.*other\.test"):
        signing_in(host="alias.test", server_name="other.test")


# -- the secret ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        (READ, refusal(1045, "Access denied", "28000")),
        (READ, b""),
        (READ, auth_switch("nonsense")),
        (READ, auth_switch("sha256_password"), READ, refusal(1045)),
        (READ, MORE_FULL, READ, close),
        (close,),
    ],
    ids=["refused", "unreadable", "unknown plugin", "refused after a switch", "closed after it", "closed before it"],
)
def test_no_frame_of_a_failure_shows_the_secret(signing_in, script):
    """Error trackers keep the variables of each frame."""
    with pytest.raises(Error) as caught:
        signing_in(script, token=True)
    assert found_in(caught.value, [TEXT, "the-secret"]) == []
    assert "sign_in" in frames_of(caught.value)
