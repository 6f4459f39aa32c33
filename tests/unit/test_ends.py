"""Statements that were given up, look-ups without an answer, limits and sessions: each end of a wait, and what is left after it."""

from __future__ import annotations

import math
import socket
import threading
import time
from types import SimpleNamespace

import pytest
from fake_server import (
    AUTOCOMMIT,
    IN_TRANSACTION,
    MORE_RESULTS,
    PING,
    RESET_CONNECTION,
    FakeServer,
    close,
    column,
    ended_by_ok,
    numbers,
    ok,
    packets,
    receive,
    refusal,
    result,
    row,
    silence,
)
from fake_sign_in import READ, Listener
from mysql.connector.errors import ConnectionTimeoutError, Error, OperationalError
from rdspool import CredentialsError, DeadlineError, OutcomeUnknownError, StatementTimeoutError, creator, dbapi, deadlines
from rdspool._driver import transport
from rdspool._driver.command_phase import CommandPhase
from rdspool._driver.connection import Connection
from rdspool._driver.connection_state import STATE_CHANGED
from rdspool._driver.given_up import GivenUp, end_session
from rdspool._driver.packets import PacketStream
from rdspool._driver.session_start import SessionStart
from rdspool._driver.sign_in import Login
from rdspool._driver.waiting import Waiting
from rdspool._lambda import left_open
from rdspool.deadlines import Limit, begin_invocation, deadline, nearest, within
from rdspool.secret import Secret

from local.front.handshake import Login as ReadLogin

SOON = 5.0


def commands_of(server):
    """The commands of a connection, once its client has closed it."""
    server.wait()  # until its script is at its end
    return server.after.wait()


# -- a statement that is given up ------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(server_tls):
    """A function that starts a server with these scripts."""
    made = []

    def start(*scripts):
        made.append(Listener(server_tls, scripts))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def login(client_tls):
    return Login(user="app", secret=Secret("x"), database=None, attributes={}, tls=client_tls)


def given_up(statement=b"UPDATE t SET a = 'x'"):
    return GivenUp("127.0.0.1", 40123, 77, statement)


def showing(host, info):
    """The last step of a script: a server shows the session that it is asked for, or none."""

    def answer(channel):
        receive(channel)
        found = [row(host, info)] if host else []
        channel.sendall(packets(ended_by_ok(result([column("HOST"), column("INFO")], found))))

    return answer


@pytest.fixture
def end(server, login):
    """A function that ends a session on a server that shows this one, and returns what came of it and the commands that the server got."""

    def run(host, info, statement=b"UPDATE t SET a = 'x'"):
        other = server((READ, ok(), showing(host, info)))
        told = end_session("db.test", other.port, login, given_up(statement), within(SOON, "the test's"))
        return told, commands_of(other.servers[0])

    return run


@pytest.mark.parametrize(
    ("host", "info"),
    [
        (b"10.0.0.7:40123", b"SELECT 1"),  # a procedure's inner statement
        (b"10.0.0.7:40123", None),
        (b"localhost", b"UPDATE t SET a = 'x'"),  # through a proxy
        (b"10.0.0.9:7", b" UPDATE t SET"),
    ],
)
def test_the_session_of_a_statement_is_ended(end, host, info):
    assert end(host, info) == (
        "The statement was ended on the server, and what it had not committed is rolled back there (connection 77).",
        [b"\x03KILL 77", b"\x01"],
    )


@pytest.mark.parametrize(
    ("host", "info"), [(b"10.0.0.7:40124", b"SELECT 1"), (b"10.0.0.7", None), (b"h40123", b"UPDATE t SET a = 'y'"), (b"h:1", b"")]
)
def test_a_session_of_the_same_number_on_another_server_is_left_alone(end, host, info):
    told, commands = end(host, info)
    assert told == "The statement may go on on a server, with its locks: connection 77 of the one that answers is another's."
    assert commands == [b"\x01"]


def test_a_session_that_is_over_is_not_ended(end):
    assert end(None, None) == ("The statement is over on the server (connection 77).", [b"\x01"])


def test_a_long_statement_is_known_by_its_begin(end):
    statement = b"UPDATE t SET a = '" + b"x" * 100_000 + b"'"
    assert "was ended" in end(b"localhost", statement[:65_535], statement)[0]
    assert "another's" in end(b"localhost", b"SELECT 1", statement)[0]


def test_a_session_that_cant_be_ended_is_told_and_logged(server, login, caplog):
    other = server((READ, refusal(1045, "Access denied", "28000")))
    told = end_session("db.test", other.port, login, given_up(), within(SOON, "the test's"))
    assert told == "The statement may go on on the server (connection 77), with its locks: it could not be ended (Access denied)."
    assert told in caplog.text
    other = server((READ, lambda channel: channel.recv(1)))
    assert "could not be ended" in end_session("db.test", other.port, login, given_up(), within(0.2, "the test's"))


@pytest.fixture
def target(function_environment, certificates):
    return {"host": "127.0.0.1", "user": "app", "password": "x", "ca": str(certificates.ca), "region": "eu-central-1"}


def test_a_statement_that_outlasts_its_time_is_ended_on_the_server(server, target):
    script = (READ, ok(status=AUTOCOMMIT), READ, ok(status=0), READ, lambda channel: channel.recv(1))
    both = server(script, (READ, ok(), showing(b"localhost", b"SELECT SLEEP(9)")))
    connection = dbapi.connect(**target, port=both.port, read_timeout=0.2)
    with pytest.raises(StatementTimeoutError) as caught:
        connection.cursor().execute("SELECT SLEEP(9)")
    assert caught.value.__notes__ == [
        "The statement was ended on the server, and what it had not committed is rolled back there (connection 4711)."
    ]
    assert connection.lost
    assert commands_of(both.servers[1]) == [b"\x03KILL 4711", b"\x01"]


def test_behind_a_proxy_no_statement_is_ended(monkeypatch, target, server):
    monkeypatch.setattr(creator, "is_proxy", lambda _: True)
    one = server((READ, ok(status=AUTOCOMMIT), READ, ok(status=0), READ, lambda channel: channel.recv(1)))
    connection = dbapi.connect(**target, port=one.port, read_timeout=0.2)
    with pytest.raises(StatementTimeoutError) as caught:
        connection.cursor().execute("SELECT SLEEP(9)")
    assert not hasattr(caught.value, "__notes__")


def test_a_token_ends_a_statement_where_a_token_signed_in(target, server):
    script = (READ, ok(status=AUTOCOMMIT), READ, ok(status=0), READ, lambda channel: channel.recv(1))
    both = server(script, (READ, ok(), showing(b"localhost", b"SELECT SLEEP(9)")))
    del target["password"]
    connection = dbapi.connect(**target, port=both.port, read_timeout=0.2)
    with pytest.raises(StatementTimeoutError) as caught:
        connection.cursor().execute("SELECT SLEEP(9)")
    assert "was ended on the server" in caught.value.__notes__[0]
    logins = [ReadLogin.parse(one.login) for one in both.servers]
    assert [login.plugin for login in logins] == ["mysql_clear_password"] * 2
    assert logins[0].reply == logins[1].reply


def test_without_credentials_a_statement_goes_on_and_that_is_told(monkeypatch, target, server):
    one = server((READ, ok(status=AUTOCOMMIT), READ, ok(status=0), READ, lambda channel: channel.recv(1)))
    del target["password"]
    connection = dbapi.connect(**target, port=one.port, read_timeout=0.2)

    def none(*_):
        raise CredentialsError("gone")

    monkeypatch.setattr(creator.TokenSource, "get", none)
    with pytest.raises(StatementTimeoutError) as caught:
        connection.cursor().execute("SELECT SLEEP(9)")
    assert caught.value.__notes__ == ["The statement may go on on the server (connection 4711): nothing can sign in to end it (gone)."]


# -- what became of a statement without an answer ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "status", "unknown"),
    [
        ("UPDATE t SET a = 1", AUTOCOMMIT, True),
        ("UPDATE t SET a = 1", AUTOCOMMIT | IN_TRANSACTION, False),
        ("UPDATE t SET a = 1", 0, False),
        ("CREATE TABLE t (a INT)", 0, True),
        ("SELECT 1", AUTOCOMMIT, False),
    ],
)
def test_whether_a_lost_statement_can_have_been_committed(connect, statement, status, unknown):
    connection, answering = connect()
    answering.will_answer([ok(status=status)], close)
    connection.cursor().execute("DO 1")
    with pytest.raises(OperationalError) as caught:
        connection.cursor().execute(statement)
    assert isinstance(caught.value, OutcomeUnknownError) is unknown
    assert caught.value.errno == 2013
    assert connection.lost


def test_a_server_that_ends_the_connection_leaves_a_commit_unknown(connect):
    connection, answering = connect(autocommit=False)
    answering.will_answer([ok(status=IN_TRANSACTION)], [refusal(1053, "Server shutdown in progress", "08S01")])
    connection.cursor().execute("UPDATE t SET a = 1")
    with pytest.raises(OutcomeUnknownError, match="Server shutdown in progress") as caught:
        connection.commit()
    assert (caught.value.errno, caught.value.sqlstate) == (1053, "08S01")
    assert isinstance(caught.value.__cause__, Error)


def test_a_commit_that_is_refused_is_known(connect):
    connection, answering = connect(autocommit=False)
    answering.will_answer([ok(status=IN_TRANSACTION)], [refusal(1213, "Deadlock", "40001")])
    connection.cursor().execute("UPDATE t SET a = 1")
    with pytest.raises(Error) as caught:
        connection.commit()
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert not connection.closed


def test_rows_that_stop_have_no_unknown_outcome(connect):
    connection, answering = connect()
    answering.will_answer(lambda channel: (channel.sendall(b"".join([b"\x01\0\0\x01\x01"])), channel.shutdown(socket.SHUT_RDWR)))
    with pytest.raises(OperationalError) as caught:
        connection.cursor().execute("SELECT n FROM t")
    assert not isinstance(caught.value, OutcomeUnknownError)


# -- look-ups ---------------------------------------------------------------------------------------------------------------------------


def test_a_look_up_without_an_answer_ends_at_the_limit(monkeypatch):
    go, real = threading.Event(), socket.getaddrinfo

    def getaddrinfo(host, *rest):
        if rest[-1] == socket.AI_NUMERICHOST:
            return real(host, *rest)
        go.wait()
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(transport.NameTimeoutError, match=r"'db\.test' was looked up for 0\.05 s \(the test's\)") as caught:
        transport.connect("db.test", 3306, within(0.05, "the test's"))
    assert caught.value.errno == 2003
    assert isinstance(caught.value, ConnectionTimeoutError)
    go.set()


def test_what_else_a_look_up_meets_is_raised_as_it_is(monkeypatch):
    def getaddrinfo(*given):
        raise OSError if given[-1] == socket.AI_NUMERICHOST else MemoryError("x")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(MemoryError, match="x"):
        transport.connect("db.test", 3306, within(SOON, "the test's"))


def test_an_address_is_looked_up_in_no_thread(monkeypatch):
    monkeypatch.setattr(threading.Thread, "start", lambda _: pytest.fail("a thread was started"))
    with pytest.raises(OperationalError, match="refused"):
        transport.connect("127.0.0.1", 1, within(SOON, "the test's"))


def test_each_address_gets_its_part_of_what_is_left(monkeypatch):
    given = []

    class Refused(socket.socket):
        def settimeout(self, seconds):
            given.append(seconds)
            super().settimeout(seconds)

        def connect(self, _):
            raise ConnectionRefusedError(111, "refused")

    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [address] * 3)
    monkeypatch.setattr(transport.socket, "socket", Refused)
    with pytest.raises(OperationalError):
        transport.connect("db.test", 1, SimpleNamespace(left=lambda: 6.0))
    assert given == [2.0, 3.0, 6.0]
    given.clear()
    with pytest.raises(OperationalError):
        transport.connect("db.test", 1, SimpleNamespace(left=lambda: -6.0))
    assert given == [0.001] * 3


def test_the_options_of_a_socket(server):
    one = server((READ, ok()))
    with transport.connect("127.0.0.1", one.port, within(SOON, "the test's")) as connected:
        names = ("TCP_NODELAY", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
        assert [connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names] == [1, 4, 2, 5, 10_000]
        assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert transport.acknowledged(connected)


def test_what_the_kernel_has_not_acknowledged(pair, monkeypatch):
    ours, _ = pair()
    assert transport.acknowledged(ours), "no TCP socket: nothing is known"
    for told, expected in (
        (b"\0" * 28, True),
        (b"\0" * 24 + b"\x01\0\0\0", False),
        (b"\0" * 24 + b"\0\0\0\x01", False),
        (b"\x01" * 24, True),
        (b"\x01" * 27, True),
    ):
        asked = SimpleNamespace(getsockopt=lambda _, __, size, told=told: told[:size])
        assert transport.acknowledged(asked) is expected
    monkeypatch.delattr(socket, "TCP_INFO")
    assert transport.acknowledged(None)


# -- limits -----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """The two clocks of the limits, which stand still where a test puts them."""
    found = SimpleNamespace(now=1000.0, wall=5_000.0)
    fake = SimpleNamespace(monotonic=lambda: found.now, time=lambda: found.wall)
    monkeypatch.setattr(deadlines, "time", fake)
    monkeypatch.setattr("rdspool._driver.waiting.time", fake)
    yield found
    deadlines.end_invocation()


def test_the_usual_times():
    assert (deadlines.MARGIN, deadlines.USUAL, deadlines.USUAL_UNKNOWN, deadlines.CLEANING) == (0.5, 5.0, 2.0, 0.2)


def test_a_limit_says_how_long_and_why(clock):
    limit = within(3, "the test's")
    assert (limit.at, limit.began, limit.left()) == (1003.0, 1000.0, 3.0)
    assert str(limit) == "3 s (the test's)"
    assert repr(limit) == "<Limit 3 s (the test's), 3.000 s left>"
    clock.now = 1004.0
    assert limit.left() == -1.0
    assert str(Limit(5.0, 6.0, "x")) == "0 s (x)"


def test_an_invocation_counts_in_unix_time_and_ends_by_the_other_clock(clock):
    begin_invocation(5_010.0)
    found = nearest(0.5)
    assert (found.at, found.began) == (1009.5, 1000.0)
    assert str(found) == "9.5 s (the invocation's time, less a margin of 500 ms)"
    assert nearest(0.5) is found, "each command asks for it"
    assert nearest(0.5, 0.2).at == pytest.approx(1009.9)
    assert nearest(100.0).at == 1007.5, "a quarter at most"
    clock.wall += 100
    assert nearest(0.5).left() == 9.5
    assert deadlines.usual() == 5.0


def test_the_nearer_of_an_invocation_and_a_block(clock):
    begin_invocation(5_010.0)
    with deadline(20):
        assert nearest(0).at == 1010.0
    with deadline(10):
        assert nearest(0).why.startswith("the invocation's")
    with deadline(9):
        assert nearest(0).at == 1009.0
        with deadline(9):
            assert nearest(0).at == 1009.0
        with deadline(8):
            assert nearest(0).at == 1008.0
        assert nearest(0).at == 1009.0
    deadlines.end_invocation()
    assert nearest(0) is None
    with deadline(3):
        assert deadlines.usual() == 5.0
    assert deadlines.usual() == 2.0


def test_seconds_of_ones_own_up_to_the_nearest_end(clock):
    begin_invocation(5_010.0)
    assert within(5, "mine", 0).at == 1005.0
    assert within(10, "mine", 0).why == "mine"
    cut = within(11, "mine", 0)
    assert (cut.at, cut.began) == (1010.0, 1000.0)
    assert cut.why.startswith("the invocation's time")
    clock.now = 1004.0
    assert within(11, "mine", 0).began == 1004.0


@pytest.mark.parametrize("seconds", [0, -1, True, "5", None, float("inf"), float("nan")])
def test_a_block_takes_a_number_of_seconds(seconds):
    with pytest.raises(ValueError, match="give a number of seconds above 0"), deadline(seconds):
        pass
    assert nearest() is None


def test_a_wait_is_as_long_as_its_limit_says(clock):
    waiting = Waiting("db.test:3306")
    waiting.begin()
    assert waiting.left() == math.inf
    assert waiting.error() is None
    waiting.limit(within(3, "the test's"))
    waiting.begin()
    clock.now = 1001.0
    assert waiting.left() == 2.0
    assert waiting.error() is None
    clock.now = 1002.97
    assert waiting.error() is None
    clock.now = 1002.98
    assert isinstance(waiting.error(), DeadlineError)
    clock.now = 1003.0
    with pytest.raises(DeadlineError, match=r"db\.test:3306 did not answer for 3 s, and the limit is over: 3 s \(the test's\)") as caught:
        waiting.left()
    assert caught.value.errno == 3024
    with pytest.raises(
        DeadlineError, match=r"the statement was not sent to db\.test:3306: the limit is over: 3 s \(the test's\)"
    ) as caught:
        waiting.begin()
    assert caught.value.errno == 3024


def test_a_wait_counts_from_its_command(clock):
    waiting = Waiting("db.test:3306")
    waiting.limit(within(10, "the test's"))
    clock.now = 1004.0
    waiting.begin()
    clock.now = 1010.0
    with pytest.raises(DeadlineError, match="did not answer for 6 s"):
        waiting.left()


# -- sessions ---------------------------------------------------------------------------------------------------------------------------


def used(connection, answering, statement, status=AUTOCOMMIT):
    answering.will_answer([ok(status=status)])
    connection.cursor().execute(statement)
    answering.commands.clear()


@pytest.mark.parametrize(
    ("statement", "status", "resets"),
    [
        ("SELECT 1", AUTOCOMMIT, False),
        ("SET @a = 1", AUTOCOMMIT, True),
        ("SELECT f()", AUTOCOMMIT | STATE_CHANGED, True),
    ],
)
def test_a_session_in_which_something_can_be_left_is_reset(connect, statement, status, resets):
    connection, answering = connect()
    used(connection, answering, statement, status)
    answering.will_answer([ok()], [ok(status=AUTOCOMMIT)])
    assert connection.restore() is True
    assert (answering.commands[:1] == [RESET_CONNECTION]) is resets
    assert len(answering.commands) == 2 * resets
    answering.commands.clear()
    assert connection.restore() is True
    assert answering.commands == [], "it is as it was"


def test_where_a_reset_does_not_help_only_a_new_connection_does(connect):
    for options, before, statement in (
        ({}, None, "USE other"),
        ({}, "SET @mine = 1", "SET @a = 1"),
        ({"tracks": False}, None, "SET @a = 1"),
    ):
        connection, answering = connect(**options)
        if before:
            used(connection, answering, before)
            connection.keep_session()
        used(connection, answering, statement)
        assert connection.restore() is False
        assert answering.commands == []


def test_without_resets_a_session_keeps_what_is_left(connect):
    connection, answering = connect(resets=False)
    used(connection, answering, "SET @a = 1")
    assert connection.restore() is True
    assert answering.commands == []


def test_what_was_there_when_it_was_kept_is_no_change(connect):
    connection, answering = connect()
    used(connection, answering, "SET @mine = 1")
    connection.keep_session()
    assert connection.restore() is True
    assert answering.commands == []


@pytest.mark.parametrize(("resets", "tracks", "told"), [(True, True, True), (False, True, False), (True, False, False)])
def test_whether_the_server_tells_of_changes(server, target, monkeypatch, resets, tracks, told):
    monkeypatch.setattr(dbapi, "is_proxy", lambda _: not tracks)
    one = server((READ, ok(status=AUTOCOMMIT)))
    connection = dbapi.connect(**target, port=one.port, reset_session=resets)
    connection.close()
    assert (b"session_track_state_change = 1" in commands_of(one.servers[0])[0]) is told
    capabilities = int.from_bytes(one.servers[0].login[:4], "little")
    assert bool(capabilities & 1 << 23) is told


# -- pings ------------------------------------------------------------------------------------------------------------------------------


def test_a_ping_has_its_own_time(commands_and_server):
    commands, answering = commands_and_server
    answering.will_answer(silence)
    with pytest.raises(DeadlineError, match="the time of a ping"):
        commands.ping(0.1)
    assert (commands.closed, commands.lost, commands.commands) == (True, True, 0)
    assert answering.commands == [PING]


def test_a_ping_that_is_answered_leaves_the_next_wait_alone(commands_and_server):
    commands, answering = commands_and_server
    answering.will_answer([ok()], [refusal(1053)], lambda channel: (time.sleep(0.7), channel.sendall(b"".join([b"\x07\0\0\x01", ok()]))))
    commands.ping(0.5)
    with pytest.raises(Error) as caught:
        commands.ping(0.5)
    assert caught.value.errno == 1053
    assert not commands.closed
    assert commands.query(b"DO SLEEP(0.7)").affected_rows == 0


def test_what_tidies_up_has_more_time_and_the_next_command_has_not(commands_and_server, monkeypatch):
    commands, answering = commands_and_server
    seen = []
    answering.will_answer([ok()], [refusal(1064)], [ok()])
    monkeypatch.setattr(deadlines, "nearest", lambda _, part: seen.append(part))
    commands.reset()
    with pytest.raises(Error):
        commands.reset()
    commands.query(b"DO 1")
    assert seen == [0.2, 0.2, 1.0]


def test_numbers_after_a_stream(connect):
    connection, answering = connect()
    answering.will_answer(numbers(1, 2, 3))
    cursor = connection.cursor(buffered=False)
    cursor.execute("SELECT n")
    assert cursor.fetchmany(2) == [(1,), (2,)]
    cursor.close()
    answering.will_answer([ok(4)])
    other = connection.cursor()
    other.execute("DO 1")
    assert other.rowcount == 4


@pytest.mark.parametrize(("time_left", "seconds"), [(None, 1.5), (100, 3.75)])
def test_how_long_a_ping_of_the_pools_takes_at_most(connect, monkeypatch, time_left, seconds):
    connection, _ = connect()
    asked = []
    monkeypatch.setattr(connection._commands, "ping", asked.append)
    connection._commands.last_used -= 60
    if time_left is None:
        assert connection.usable(5)
        connection.ping()
    else:
        with deadline(time_left):
            assert connection.usable(5)
            connection.ping()
    assert asked == [seconds, seconds]


def test_an_error_among_results_that_a_rollback_drops_is_logged(connect, caplog):
    connection, answering = connect(autocommit=False)
    many = [*numbers(1, status=MORE_RESULTS | IN_TRANSACTION), refusal(1213, "Deadlock", "40001")]
    answering.will_answer(many, [ok(status=0)])
    cursor = connection.cursor(buffered=False)
    cursor.execute("CALL p()")
    cursor.fetchall()
    connection.rollback()
    assert "a result that was given up before a ROLLBACK ended in an error" in caplog.text
    assert "Deadlock" in caplog.text
    assert answering.statements == [b"CALL p()", b"ROLLBACK"]


def test_what_is_no_statement_is_not_ended_on_the_server(commands_and_server):
    commands, answering = commands_and_server
    ended = []
    commands.end_session = lambda _: ended.append(1) or "ended"
    commands.read_timeout = 0.05
    answering.will_answer(silence)
    with pytest.raises(StatementTimeoutError) as caught:
        commands.reset()
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert ended == []
    assert not hasattr(caught.value, "__notes__")


def test_a_commit_without_an_answer_is_not_ended_on_the_server(commands_and_server):
    """It goes on there, and most often ends well."""
    commands, answering = commands_and_server
    ended = []
    commands.end_session = lambda _: ended.append(1) or "ended"
    commands.read_timeout = 0.05
    answering.will_answer(silence)
    with pytest.raises(OutcomeUnknownError):
        commands.query(b"COMMIT")
    assert ended == []


def test_what_comes_from_outside_is_raised_as_it_is(commands_and_server, each_decoder):
    commands, answering = commands_and_server
    commands.end_session = lambda _: pytest.fail("it was ended")
    answering.will_answer(silence)

    def interrupted(_):
        raise KeyboardInterrupt

    real = commands.stream.socket
    commands.stream.socket = SimpleNamespace(send=real.send, recv=interrupted, fileno=real.fileno, close=real.close)
    with pytest.raises(KeyboardInterrupt):
        commands.query(b"COMMIT")
    assert commands.lost


def test_a_statement_that_was_not_sent_is_known(commands_and_server):
    commands, answering = commands_and_server
    commands.end_session = lambda _: pytest.fail("it was ended")
    answering.close()
    with pytest.raises(OperationalError) as caught:
        commands.query(b"COMMIT")
    assert not isinstance(caught.value, OutcomeUnknownError)


def test_whether_a_secret_can_be_sent():
    assert Secret("ü").encodable() is True
    assert Secret("\udcff").encodable() is False


# -- more ends --------------------------------------------------------------------------------------------------------------------------


def test_a_rollback_that_is_refused_is_an_error_and_one_whose_connection_is_lost_is_none(connect, caplog):
    connection, answering = connect(autocommit=False)
    answering.will_answer([ok(status=IN_TRANSACTION)], [refusal(1205, "no", "HY000")], close)
    connection.cursor().execute("UPDATE t SET a = 1")
    with pytest.raises(Error, match="no"):
        connection.rollback()
    assert not connection.closed
    assert connection.transaction.open
    connection.rollback()
    assert connection.lost
    assert "the connection was lost during a ROLLBACK" in caplog.text


def test_past_the_deadline_no_ping_is_sent(commands_and_server):
    commands, answering = commands_and_server
    with deadline(0.01):
        time.sleep(0.02)
        with pytest.raises(DeadlineError, match="the limit is over"):
            commands.ping(1)
    assert answering.commands == []


def test_autocommit_that_init_command_sets_is_the_sessions_own(pair):
    ours, theirs = pair()
    answering = FakeServer(theirs, [[ok(status=0)], [ok(status=AUTOCOMMIT)], [ok(status=AUTOCOMMIT)]])
    start = SessionStart(autocommit=False, init_command="SET autocommit = 1")
    connection = Connection(CommandPhase(PacketStream(ours, "db.test", 3306), AUTOCOMMIT), "app", "9.7.0", 1, start)
    connection.session.set_up()
    answering.commands.clear()
    assert connection.restore() is True
    assert connection.autocommit
    assert answering.commands == []
    connection._commands.abandon()
    answering.close()


def test_whether_a_connection_is_usable_is_yes_or_no(connect):
    connection, answering = connect()
    assert connection.usable(60) is True
    connection._commands.last_used -= 100
    answering.will_answer(close)
    assert connection.usable(60) is False
    assert connection.usable(60) is False


def test_a_closed_connection_among_those_left_open_hides_no_other(monkeypatch):
    monkeypatch.setattr(left_open, "_out", {})
    rolled_back = []
    shut = SimpleNamespace(closed=True)
    left = SimpleNamespace(
        closed=False,
        transaction=SimpleNamespace(has_written=False),
        rollback=lambda: rolled_back.append(1),
        restore=lambda: True,
        Error=Error,
    )
    left_open.taken(shut, "first", None)
    left_open.taken(left, "second", None)
    left_open.roll_back()
    assert rolled_back == [1]
