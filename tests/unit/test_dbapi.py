"""rdspool.dbapi.connect() and the creator, on a scripted server with real TLS: options, tokens, what a session starts with."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from fake_server import refusal
from fake_sign_in import ACCEPTED, READ, Listener
from rdspool import (
    ConnectError,
    ConnectTimeoutError,
    Settings,
    SettingsError,
    SignInError,
    TooManyConnectionsError,
    creator,
    dbapi,
    deadline,
)
from rdspool._aws.credentials import find_credentials
from rdspool._aws.token import sign
from rdspool._driver.session_start import SessionStart
from rdspool.creator import Creator

from local.front.handshake import Login as ReadLogin

REGION = "eu-central-1"
DENIED = refusal(1045, "Access denied", "28000")


@pytest.fixture
def listening(server_tls):
    """Return a function that listens on the loopback and follows a script for each connection."""
    made = []

    def listen(*scripts, **options):
        made.append(Listener(server_tls, scripts, **options))
        return made[-1]

    yield listen
    for one in made:
        one.close()


@pytest.fixture
def target(listening, certificates, function_environment):
    """Return a function that returns connect()'s arguments for a new server."""

    def arguments(*scripts, **options):
        server = listening(*(scripts or (ACCEPTED,)))
        given = {
            "host": "127.0.0.1",
            "port": server.port,
            "user": "app",
            "ca": str(certificates.ca),
            "region": REGION,
            "connect_timeout": 5,
        }
        return server, {**given, **options}

    return arguments


def login_of(server, number=0):
    server.servers[number].wait()
    return ReadLogin.parse(server.servers[number].login)


def connected(server, arguments):
    """Connect, close, and return the login and the statements that followed."""
    made = dbapi.connect(**arguments)
    made.close()
    login = login_of(server)
    return login, [command[1:] for command in server.servers[0].after.wait() if command[:1] == b"\x03"]


# -- options -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", sorted(dbapi._REFUSED))
def test_each_refused_option_is_named_with_advice(option):
    with pytest.raises(SettingsError, match=rf"the option '{option}' is not taken: \w+"):
        dbapi.connect(host="127.0.0.1", user="app", password="x", **{option: "1"})


@pytest.mark.parametrize(
    ("wrong", "meant"), [("hots", "host"), ("autocomit", "autocommit"), ("time_zones", "time_zone"), ("read_timeouts", "read_timeout")]
)
def test_an_option_that_is_not_known_is_refused_with_the_nearest_name(wrong, meant):
    with pytest.raises(SettingsError, match=rf"there is no option '{wrong}' \(did you mean {meant}\?\)"):
        dbapi.connect(host="127.0.0.1", user="app", password="x", **{wrong: "1"})


def test_an_option_without_a_near_name_is_refused():
    with pytest.raises(SettingsError, match=r"there is no option 'zzzzzz'$"):
        dbapi.connect(host="127.0.0.1", user="app", password="x", zzzzzz=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"autocommit": "maybe"}, "'autocommit' is 'maybe': give true or false"),
        ({"autocommit": 2}, "'autocommit' is 2: give true or false"),
        ({"force_ipv6": "?"}, "'force_ipv6' is .*: give true or false"),
        ({"conn_attrs": "x"}, "'conn_attrs' is 'x': give a dict"),
        ({"read_timeout": "soon"}, "'read_timeout' is 'soon': give a number of seconds"),
        ({"write_timeout": []}, "'write_timeout' is \\[\\]: give a number of seconds"),
        ({"charset": "latin1"}, "charset is 'latin1'"),
        ({"collation": "latin1_bin"}, "collation"),
        ({"time_zone": "'"}, "time_zone"),
        ({"sql_mode": "'"}, "sql_mode"),
        ({"isolation_level": "CHAOS"}, "(?i)isolation_level"),
        ({"max_allowed_packet": 5}, "(?i)max_allowed_packet"),
        ({"port": 0}, "(?i)port"),
        ({"user": ""}, "(?i)user"),
    ],
)
def test_an_option_with_a_wrong_value_is_refused(options, message):
    with pytest.raises(SettingsError, match=message):
        dbapi.connect(**{"host": "127.0.0.1", "user": "app", "password": "x", "region": REGION, **options})


@pytest.mark.parametrize("value", [-1, "-0.5", float("nan"), "inf"])
@pytest.mark.parametrize("option", ["read_timeout", "write_timeout"])
def test_a_time_out_that_no_wait_can_have_is_refused(option, value):
    with pytest.raises(SettingsError, match=f"'{option}' is .*: give a number of seconds"):
        dbapi.connect(host="127.0.0.1", user="app", password="x", region=REGION, **{option: value})


def test_a_refused_password_is_in_no_text():
    with pytest.raises(SettingsError) as caught:
        dbapi.connect(host="127.0.0.1", user="app", password="the-secret", nonsense=1)
    assert "the-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "statement"),
    [
        ({}, b"SET NAMES 'utf8mb4', @@session.autocommit = 0"),
        ({"autocommit": "true"}, b"SET NAMES 'utf8mb4', @@session.autocommit = 1"),
        ({"autocommit": 1}, b"SET NAMES 'utf8mb4', @@session.autocommit = 1"),
        ({"autocommit": None, "collation": None}, b"SET NAMES 'utf8mb4', @@session.autocommit = 0"),
        ({"isolation_level": "AUTOCOMMIT"}, b"SET NAMES 'utf8mb4', @@session.autocommit = 1"),
        (
            {"isolation_level": "READ COMMITTED", "wait_timeout": 400},
            b"SET NAMES 'utf8mb4', @@session.autocommit = 0, @@session.wait_timeout = 400, @@session.transaction_isolation = 'READ-COMMITTED'",
        ),
        ({"charset": "utf8mb4", "collation": "utf8mb4_bin"}, b"SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin', @@session.autocommit = 0"),
        (
            {"sql_mode": ["ANSI_QUOTES", "NO_ZERO_DATE"], "time_zone": "+00:00"},
            b"SET NAMES 'utf8mb4', @@session.autocommit = 0, @@session.time_zone = '+00:00', @@session.sql_mode = 'ANSI_QUOTES,NO_ZERO_DATE'",
        ),
    ],
)
def test_options_set_the_session_up(target, options, statement):
    for how in ({}, {"reset_session": False}):
        assert connected(*target(password="x", **options, **how))[1] == [statement]
    tracked = statement + b", @@session.session_track_state_change = 1"
    assert connected(*target(password="x", reset_session="true", **options))[1] == [tracked]


def test_an_init_command_follows(target):
    assert connected(*target(password="x", init_command="SET @a = 1"))[1][1:] == [b"SET @a = 1"]


def test_other_drivers_names_of_options_are_taken(target):
    server, arguments = target(passwd="x", db="shop", username="other")
    arguments["ssl_ca"] = arguments.pop("ca")
    arguments["connection_timeout"] = arguments.pop("connect_timeout")
    del arguments["user"]
    login, _ = connected(server, arguments)
    assert (login.user, login.database) == ("other", b"shop")


def test_attributes_name_the_function_of_a_connection(target, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
    login, _ = connected(*target(password="x", conn_attrs={"team": "shop", "number": 5}))
    assert {"_pid", "_client_name", "rdspool_version"} <= login.attributes.keys()
    assert (login.attributes["program_name"], login.attributes["team"], login.attributes["number"]) == ("orders", "shop", "5")


def test_the_time_outs_are_the_connections(target):
    _, arguments = target(password="x", read_timeout="1.5", write_timeout=2)
    made = dbapi.connect(**arguments)
    assert (made.read_timeout, made.write_timeout) == (1.5, 2.0)
    made.close()


@pytest.mark.parametrize(("several", "expected"), [(False, 0), (True, 1 << 16)])
def test_several_statements_in_one_are_asked_for_by_a_setting(target, several, expected):
    login, _ = connected(*target(password="x", multi_statements=several))
    assert login.capabilities & 1 << 16 == expected


def test_the_module_is_pep_249s():
    assert (dbapi.apilevel, dbapi.paramstyle) == ("2.0", "pyformat")
    assert issubclass(dbapi.IntegrityError, dbapi.DatabaseError)
    assert issubclass(ConnectError, dbapi.OperationalError)
    for name in dbapi.__all__:
        assert getattr(dbapi, name) is not None


# -- tokens --------------------------------------------------------------------------------------------------------------------------


def settings_for(arguments):
    return Settings.load(environ={}, **arguments)


def token_of(login):
    assert login.plugin == "mysql_clear_password"
    token = login.reply.rstrip(b"\0").decode()
    assert "X-Amz-Signature=" in token
    return token


def test_without_a_password_a_token_signs_in(target):
    server, arguments = target()
    Creator(settings_for(arguments))().close()
    assert token_of(login_of(server)).startswith(f"127.0.0.1:{server.port}/?Action=connect&DBUser=app&")


def test_a_password_is_sent_with_the_servers_plugin(target):
    login, _ = connected(*target(password="x"))
    assert login.plugin == "caching_sha2_password"


def test_a_token_given_as_the_password_is_sent_as_a_token(target):
    login, _ = connected(*target(password="db:3306/?Action=connect&X-Amz-Signature=00"))
    assert token_of(login).endswith("X-Amz-Signature=00")


def test_a_token_serves_each_connection(target):
    server, arguments = target(ACCEPTED, ACCEPTED)
    make = Creator(settings_for(arguments))
    make().close()
    make().close()
    assert token_of(login_of(server, 0)) == token_of(login_of(server, 1))


def test_a_used_token_that_is_refused_is_replaced_once(target):
    server, arguments = target((READ, DENIED), ACCEPTED)
    settings = settings_for(arguments)
    source = creator.token_source(settings)
    source.get()
    source._token = kept = sign("127.0.0.1", server.port, "app", REGION, find_credentials(), time.time() - 60)
    Creator(settings)().close()
    refused, fresh = (token_of(login_of(server, number)) for number in range(2))
    assert refused == kept.reveal()
    assert fresh != refused


def test_a_fresh_token_that_is_refused_is_not_tried_again(target):
    server, arguments = target((READ, DENIED), ACCEPTED)
    with pytest.raises(SignInError, match="Access denied") as caught:
        Creator(settings_for(arguments))()
    assert caught.value.errno == 1045
    assert len(server.servers) == 1


def test_a_first_refusal_is_the_last(target):
    server, arguments = target((READ, DENIED), ACCEPTED)
    make = Creator(settings_for(arguments))
    with pytest.raises(SignInError):
        make()
    assert len(server.servers) == 1


def test_a_refusal_of_what_was_accepted_before_can_be_throttling(target):
    """IAM's throttling has no number of its own; the same sign-in worked before."""
    server, arguments = target(ACCEPTED, (READ, DENIED), (READ, DENIED), ACCEPTED)
    make = Creator(settings_for(arguments))
    make().close()
    make().close()
    assert len(server.servers) == 4


def test_a_refusal_that_lasts_is_told_once_and_then_at_once(target):
    server, arguments = target(ACCEPTED, *[(READ, DENIED)] * 60, connect_timeout=0.6)
    make = Creator(settings_for(arguments))
    make().close()
    with pytest.raises(
        SignInError, match=r"It was tried \d+ times in \d\.\d s; the limit is 0\.6 s \(Settings.load\(connect_timeout=\.\.\.\)\)"
    ):
        make()
    tried = len(server.servers)
    assert tried >= 3
    with pytest.raises(SignInError):
        make()
    assert len(server.servers) == tried + 1


@pytest.mark.parametrize("number", [1040, 1203, 1226])
def test_a_slot_that_frees_is_waited_for(target, number):
    server, arguments = target(*[(READ, refusal(number, "no", "HY000"))] * 3, ACCEPTED)
    Creator(settings_for(arguments))().close()
    assert len(server.servers) == 4


def test_an_error_says_how_often_and_how_long_it_was_tried(target):
    server, arguments = target(*[(READ, refusal(1040, "Too many connections", "08004"))] * 60, connect_timeout=1.5)
    with pytest.raises(TooManyConnectionsError, match=r"It was tried \d+ times in \d\.\d s; the limit is 1\.5 s") as caught:
        Creator(settings_for(arguments))()
    assert f"It was tried {len(server.servers)} times" in str(caught.value.msg)
    assert caught.value.errno == 1040


@pytest.mark.parametrize("number", [1049, 1044])
def test_another_refusal_is_no_reason_to_try_again(target, number):
    server, arguments = target(ACCEPTED, (READ, refusal(number, "no", "HY000")), ACCEPTED)
    make = Creator(settings_for(arguments))
    make().close()
    with pytest.raises(ConnectError):
        make()
    assert len(server.servers) == 2


def test_a_refused_password_is_not_tried_again(target):
    server, arguments = target((READ, DENIED), ACCEPTED, password="the-secret")
    with pytest.raises(SignInError) as caught:
        dbapi.connect(**arguments)
    assert "the-secret" not in str(caught.value)
    assert len(server.servers) == 1


# -- the connection made during init ---------------------------------------------------------------------------------------------------


def test_the_first_call_takes_the_connection_that_was_begun(target):
    server, arguments = target(ACCEPTED, ACCEPTED)
    make = Creator(settings_for(arguments))
    make.begin()
    first = make()
    assert len(server.servers) == 1
    second = make()
    assert len(server.servers) == 2
    first.close()
    second.close()


def test_a_begun_connection_that_was_lost_is_made_again(target):
    server, arguments = target(ACCEPTED, ACCEPTED)
    make = Creator(settings_for(arguments))
    make.begin()
    make._init_connection._thread.join()
    server.servers[0].close()
    made = make()
    assert made.usable(5.0)
    assert len(server.servers) == 2
    made.close()


def test_a_begun_connection_that_failed_is_tried_again_and_reported(target, caplog):
    server, arguments = target((READ, refusal(1049, "Unknown database", "42000")), (READ, refusal(1049, "Unknown", "42000")))
    make = Creator(settings_for(arguments))
    make.begin()
    with pytest.raises(ConnectError) as caught:
        make()
    assert "connection made during init had failed before" in caught.value.__notes__[0]
    assert "connection made during init failed" in caplog.text
    assert len(server.servers) == 2


def test_a_begun_connection_that_timed_out_is_not_begun_again(target):
    """The same wait once more would end in Lambda's own time-out."""
    _, arguments = target(connect_timeout=0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        make = Creator(settings_for({**arguments, "port": silent.getsockname()[1]}))
        make.begin()
        make._init_connection._thread.join()
        failure = make._init_connection.failure
        with pytest.raises(ConnectTimeoutError, match=r"0\.2 s") as caught:
            make()
    assert caught.value is failure


def test_a_greeting_that_drips_ends_with_the_connects_time(target):
    """Each byte comes within any time-out of a single read: only a limit for the whole ends it."""
    _, arguments = target(connect_timeout=0.3)
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connected, _ = server.accept()
            with connected:
                connected.sendall(b"\xff\x00\x00\x00\x0a")
                while not stop.wait(0.02):
                    try:
                        connected.sendall(b"9")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with pytest.raises(ConnectTimeoutError, match=r"0\.3 s \(connect\(connect_timeout=\.\.\.\)\)"):
                dbapi.connect(**{**arguments, "port": server.getsockname()[1], "password": "x"})
        finally:
            stop.set()
            thread.join()


def test_a_begun_connection_is_waited_for_until_the_deadline_and_kept(target):
    server, arguments = target(ACCEPTED)
    make = Creator(settings_for(arguments))
    release = threading.Event()
    new = make._new
    make._new = lambda limit: (release.wait(), new(limit))[1]
    make.begin()
    with deadline(0.1), pytest.raises(ConnectTimeoutError, match="begun during init"):
        make()
    release.set()
    make().close()
    assert len(server.servers) == 1


def test_no_connection_is_begun_before_a_snapshot(target, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    server, arguments = target()
    make = Creator(settings_for(arguments))
    make.begin()
    assert server.servers == []
    make().close()


def test_settings_set_each_session_of_a_creator_up(target):
    server, arguments = target()
    Creator(settings_for(arguments), SessionStart(autocommit=True, wait_timeout=60))().close()
    server.servers[0].wait()
    assert server.servers[0].after.wait()[0] == (
        b"\x03SET NAMES 'utf8mb4', @@session.autocommit = 1, @@session.wait_timeout = 60, @@session.session_track_state_change = 1"
    )
    server, arguments = target(isolation_level="SERIALIZABLE")
    Creator(settings_for(arguments))().close()
    server.servers[0].wait()
    assert b"@@session.wait_timeout = 330, @@session.transaction_isolation = 'SERIALIZABLE'" in server.servers[0].after.wait()[0]


def test_one_option_under_two_names_is_refused(target):
    _, arguments = target(password="x", database="a", db="b")
    with pytest.raises(SettingsError, match="'database' and 'db' mean the same"):
        dbapi.connect(**arguments)
