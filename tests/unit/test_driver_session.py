"""A connection from the socket on, on a scripted server with TLS: which limits hold during the sign-in, and which after it."""

from __future__ import annotations

import functools
import socket
import ssl
import time

import pytest
from fake_server import AUTOCOMMIT, MORE_RESULTS, close, column, ended_by_ok, numbers, ok, packets, refusal, result, row
from fake_sign_in import FULL, READ, Listener, greeting
from mysql.connector.errors import Error, InterfaceError, OperationalError, ProgrammingError
from rdspool import ProtocolError, StatementTimeoutError, deadlines
from rdspool._driver.connection import Connection
from rdspool._driver.session_start import SessionStart
from rdspool._driver.sign_in import Login
from rdspool._driver.transport import start_tls
from rdspool.secret import Secret

from local.front.handshake import Login as ReadLogin

pytestmark = pytest.mark.usefixtures("each_decoder")


ACCEPTED = (READ, ok(status=AUTOCOMMIT), READ, ok(status=AUTOCOMMIT))
"""The sign-in, and the session's set-up."""
limit = functools.partial(deadlines.within, why="the test's")


@pytest.fixture
def opened(server_tls, client_tls):
    """A function that opens a connection to a server with this script."""
    listeners, made = [], []

    def open_(*script, greets=None, start=None, seconds=5, **options):
        listeners.append(Listener(server_tls, [(*ACCEPTED, *script)], greets=greets))
        login = Login(user="app", secret=Secret("x"), database="shop", attributes={}, tls=client_tls)
        made.append(
            Connection.open("127.0.0.1", listeners[-1].port, login, start or SessionStart(autocommit=True), limit=limit(seconds), **options)
        )
        return made[-1], listeners[-1]

    yield open_
    for connection in made:
        connection.close()
    for listener in listeners:
        listener.close()


def after(seconds, *payloads):
    """An answer that comes after some time; the numbers of its packets are those after the command."""

    def answer(channel):
        time.sleep(seconds)
        channel.sendall(packets(ended_by_ok(payloads)))

    return answer


def test_the_time_of_a_connect_is_no_statements(opened):
    connection, _ = opened(READ, after(1.2, *numbers(7)), seconds=1)
    cursor = connection.cursor()
    cursor.execute("SELECT n, SLEEP(1.2)")
    assert cursor.fetchall() == [(7,)]


def test_a_statements_own_time_ends_with_it(opened):
    connection, _ = opened(READ, after(0, *numbers(1)), READ, after(0.8, *numbers(7)))
    connection.cursor(read_timeout=0.6, write_timeout=0.6).execute("SELECT n")
    cursor = connection.cursor()
    cursor.execute("SELECT n, SLEEP(0.8)")
    assert cursor.fetchall() == [(7,)]


def test_the_connections_time_holds_for_each_statement(opened):
    connection, _ = opened(READ, after(0, *numbers(1)), READ, lambda channel: channel.recv(1))
    connection.read_timeout = 0.5
    connection.cursor().execute("SELECT n")
    with pytest.raises(StatementTimeoutError, match=r"0\.5 s"):
        connection.cursor().execute("SELECT SLEEP(5)")
    assert connection.lost


def test_a_silent_server_is_given_up_during_the_sign_in(server_tls, client_tls):
    listener = Listener(server_tls, [(READ, lambda channel: channel.recv(1))])
    login = Login(user="app", secret=Secret("x"), database=None, attributes={}, tls=client_tls)
    with pytest.raises(StatementTimeoutError, match=r"1 s"):
        Connection.open("127.0.0.1", listener.port, login, SessionStart(), limit=limit(1))
    listener.close()


@pytest.mark.parametrize("size", [60_000, 70_000, 300_000])
def test_answers_may_be_large_once_the_server_is_verified(opened, size):
    connection, _ = opened(READ, after(0, *result([column()], [row(b"x" * size)])))
    cursor = connection.cursor()
    cursor.execute("SELECT v")
    assert cursor.fetchall() == [("x" * size,)]


def test_the_largest_row_is_the_settings(opened):
    sent = result([column()], [row(b"x" * 200_000)])
    connection, _ = opened(READ, after(0, *sent), max_allowed_packet=200_010)
    connection.cursor().execute("SELECT v")
    connection, _ = opened(READ, after(0, *sent), max_allowed_packet=150_000)
    with pytest.raises(ProtocolError, match=r"more than 150,000 bytes in one row \(max_allowed_packet\)") as caught:
        connection.cursor().execute("SELECT v")
    assert caught.value.errno == 2027
    assert connection.lost


def test_a_row_of_127_mib_and_no_larger_one_by_default(stream_and_peer):
    stream, _ = stream_and_peer
    assert stream.max_allowed_packet == 134_217_728


@pytest.mark.parametrize(("size", "taken"), [(65_536, True), (65_537, False)])
def test_the_largest_answer_during_the_sign_in(stream_and_peer, size, taken):
    stream, peer = stream_and_peer
    stream.signing_in = True
    peer.settimeout(None)
    sent = packets([b"x" * size], 0)
    peer.sendall(sent[:100])
    if taken:
        peer.sendall(sent[100:])
        assert len(stream.receive()) == size
    else:
        with pytest.raises(ProtocolError, match="sent more than 65,536 bytes during the sign-in") as caught:
            stream.receive()
        assert caught.value.errno == 2027


def test_what_the_login_asks_for(opened):
    _, listener = opened()
    server = listener.servers[0]
    found = ReadLogin.parse(server.login)
    wanted = {0, 1, 2, 3, 9, 11, 13, 15, 17, 19, 20, 21, 24}
    assert {bit for bit in range(32) if found.capabilities & 1 << bit} == wanted
    assert int.from_bytes(server.login[4:8], "little") == 1 << 30
    assert server.login[8] == 45
    assert server.received[0] == server.login[:32]


def test_without_a_database_none_is_named(server_tls, client_tls):
    listener = Listener(server_tls, [ACCEPTED])
    login = Login(user="app", secret=Secret("x"), database=None, attributes={}, tls=client_tls)
    Connection.open("127.0.0.1", listener.port, login, SessionStart(), limit=limit(5)).close()
    found = ReadLogin.parse(listener.servers[0].login)
    assert (found.database or None) is None
    assert not found.capabilities & 1 << 3
    listener.close()


def test_who_a_connection_is(opened):
    connection, listener = opened(greets=greeting(version="5.5.5-10.11.6-MariaDB", connection_id=77))
    assert repr(connection) == f"<rdspool connection app@127.0.0.1:{listener.port} id=77>"
    assert (connection.server_version, connection.connection_id, connection.user) == ("10.11.6-MariaDB", 77, "app")
    connection.close()
    assert repr(connection) == f"<rdspool connection app@127.0.0.1:{listener.port} closed>"


def test_a_session_that_cant_be_set_up_leaves_nothing_open(server_tls, client_tls):
    ended = []
    script = (READ, ok(), READ, refusal(1193, "Unknown system variable", "HY000"), lambda channel: ended.append(channel.recv(100)))
    listener = Listener(server_tls, [script])
    login = Login(user="app", secret=Secret("x"), database=None, attributes={}, tls=client_tls)
    with pytest.raises(Error) as caught:
        Connection.open("127.0.0.1", listener.port, login, SessionStart(), limit=limit(5))
    assert caught.value.errno == 1193
    listener.servers[0].wait()
    assert ended == [b""]
    listener.close()


def test_without_tls_nothing_is_sent(server_tls, client_tls):
    """Whoever is in between can take TLS out of the greeting."""
    listener = Listener(server_tls, [(READ, ok())], greets=greeting(capabilities=FULL & ~(1 << 11)))
    login = Login(user="the-user", secret=Secret("the-secret"), database="the-database", attributes={}, tls=client_tls)
    with pytest.raises(Error) as caught:
        Connection.open("127.0.0.1", listener.port, login, SessionStart(), limit=limit(5))
    assert isinstance(caught.value, InterfaceError)
    listener.servers[0].wait()
    assert listener.servers[0].received == []
    listener.close()


def test_a_handshake_that_is_interrupted_closes_the_socket(pair, client_tls, monkeypatch):
    ours, theirs = pair()
    monkeypatch.setattr(ssl.SSLSocket, "do_handshake", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        start_tls(ours, "db.test", "db.test:3306", client_tls, None)
    theirs.settimeout(5)
    assert theirs.recv(100) == b""


def test_an_interrupted_connect_closes_the_socket(monkeypatch):
    made = []

    class Interrupted(socket.socket):
        def connect(self, _):
            made.append(self)
            raise KeyboardInterrupt

    from rdspool._driver import transport

    monkeypatch.setattr(transport.socket, "socket", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        transport.connect("127.0.0.1", 1, limit(1))
    assert made[0].fileno() == -1


def test_addresses_of_one_kind_keep_the_resolvers_order(monkeypatch):
    tried = []

    class Refused(socket.socket):
        def connect(self, target):
            tried.append(target[0])
            raise ConnectionRefusedError(111, "refused")

    from rdspool._driver import transport

    found = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::2", 1, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.9", 1)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 1, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 1)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: list(found))
    monkeypatch.setattr(transport.socket, "socket", Refused)
    with pytest.raises(OperationalError, match="refused"):
        transport.connect("db.test", 1, limit(1))
    assert tried == ["127.0.0.9", "127.0.0.2", "::2", "::1"]


# -- the state of a session ------------------------------------------------------------------------------------------------------------


def test_a_reset_takes_a_level_of_ones_own_away(connect):
    connection, server = connect(autocommit=False)
    server.will_answer([ok(status=0)], [ok(status=0)], [ok(status=0)], [ok(status=AUTOCOMMIT)])
    connection.set_isolation_level("SERIALIZABLE")
    connection.reset()
    connection.set_isolation_level("AUTOCOMMIT")
    assert server.statements[-1] == b"SET @@session.autocommit = 1"


def test_a_level_of_ones_own_is_taken_away_by_autocommit(connect):
    for level, back in ((None, b"DEFAULT"), ("READ COMMITTED", b"'READ-COMMITTED'")):
        connection, server = connect(autocommit=False, isolation_level=level)
        server.will_answer([ok(status=0)], [ok(status=AUTOCOMMIT)])
        connection.set_isolation_level("REPEATABLE READ")
        connection.set_isolation_level("AUTOCOMMIT")
        assert server.statements[-1] == b"SET @@session.autocommit = 1, @@session.transaction_isolation = " + back


@pytest.mark.parametrize("commands", [0, 1, 2])
def test_a_session_that_was_changed_is_not_as_it_starts(connect, commands):
    connection, server = connect(autocommit=False, isolation_level="READ COMMITTED")
    assert connection.starts_with("READ COMMITTED")
    assert not connection.starts_with("SERIALIZABLE")
    assert not connection.starts_with("AUTOCOMMIT")
    server.will_answer(*[[ok(status=0)]] * commands, [ok(status=AUTOCOMMIT)], [ok(status=0)])
    for _ in range(commands):
        connection.cursor().execute("DO 1")
    connection.autocommit = True
    connection.autocommit = False
    assert not connection.starts_with("READ COMMITTED")


def test_a_session_in_which_something_ran_is_not_as_it_starts(connect):
    connection, server = connect(autocommit=True)
    assert connection.starts_with("AUTOCOMMIT")
    server.will_answer([ok()])
    connection.cursor().execute("DO 1")
    assert not connection.starts_with("AUTOCOMMIT")


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("5.7.19", "tx_isolation"),
        ("5.7.20", "transaction_isolation"),
        ("8.0", "transaction_isolation"),
        ("11.0.9-MariaDB", "tx_isolation"),
        ("11.1.0-MariaDB", "transaction_isolation"),
        ("11.1.1-MariaDB", "transaction_isolation"),
        ("10.11.6-MariaDB-1:10.11.6", "tx_isolation"),
    ],
)
def test_the_first_version_with_each_name_of_the_level(connect, version, name):
    connection, _ = connect(version=version)
    assert connection.isolation_variable == name


def test_the_words_of_a_wrong_collation_and_a_wrong_time_zone():
    with pytest.raises(ValueError, match=r"collation is 'x': give one of utf8mb4, such as utf8mb4_bin"):
        SessionStart(collation="x")
    with pytest.raises(ValueError, match=r"time_zone is '!': give the name of one, as in the server's documentation"):
        SessionStart(time_zone="!")


def test_is_connected_is_yes_or_no(connect):
    connection, server = connect()
    server.will_answer([ok()], close)
    assert connection.is_connected() is True
    assert connection.is_connected() is False


def test_a_ping_does_not_reconnect(connect):
    connection, server = connect()
    with pytest.raises(Error, match="does not reconnect"):
        connection.ping(reconnect=True)
    assert server.commands == []


def test_a_lost_connection_has_no_rows_any_more(connect):
    connection, server = connect()
    server.will_answer(server.framed(numbers(1, 2, 3))[:-20])
    cursor = connection.cursor(buffered=False)
    cursor.execute("SELECT n")
    assert cursor.fetchone() == (1,)
    connection._commands.abandon()
    assert not connection._commands.reads(cursor)
    with pytest.raises(ProgrammingError, match="the rows of this stream are gone"):
        cursor.fetchall()
    cursor.close()
    with pytest.raises(OperationalError) as caught:
        connection.cursor()
    assert caught.value.errno == 2006


def test_a_stream_after_a_refusal_has_a_status_that_is_known(connect, ok_ends_rows):
    connection, server = connect()
    server.will_answer([refusal(1064)], numbers(1))
    with pytest.raises(ProgrammingError):
        connection.cursor().execute("nonsense")
    assert connection.transaction.open
    cursor = connection.cursor(buffered=False)
    cursor.execute("SELECT n")
    assert connection._commands.status_known is not ok_ends_rows, "an OK packet has it, at the end of the rows"
    assert cursor.fetchall() == [(1,)]
    assert not connection.transaction.open


def test_a_syntax_error_beside_a_hexadecimal_text_is_explained(connect):
    connection, server = connect()
    server.will_answer([refusal(1064, "You have an error")], [refusal(1064, "You have an error")], [refusal(1146, "No table", "42S02")])
    for statement, explained in (("SHOW TABLES LIKE %s", True), ("SHOW TABLES LIKE 'a'", False), ("SELECT %s FROM t", False)):
        with pytest.raises(ProgrammingError) as caught:
            connection.cursor().execute(statement, (r"a\b",) if "%s" in statement else None)
        assert any("sent in hexadecimal" in note for note in getattr(caught.value, "__notes__", [])) is explained


def test_an_error_behind_what_was_read_is_told_as_such(connect):
    connection, server = connect()
    server.will_answer([*result([column()], [row(b"a")], status=AUTOCOMMIT | MORE_RESULTS), refusal(1213, "Deadlock", "40001")])
    cursor = connection.cursor(buffered=False)
    cursor.execute("CALL p()")
    cursor.fetchall()
    cursor._connection = None
    with pytest.raises(Error) as caught:
        connection.cursor().execute("DO 1")
    assert caught.value.errno == 1213
    assert any("The new statement was not sent" in note for note in caught.value.__notes__)
    assert b"DO 1" not in server.statements


def test_an_update_without_rows_gives_a_stream_nothing(connect):
    connection, server = connect()
    server.will_answer([ok(0)], [ok(2)])
    cursor = connection.cursor(buffered=False)
    for _ in range(2):
        cursor.execute("UPDATE t SET a = 1")
        assert cursor.fetchmany(5) == []
        assert cursor.fetchall() == []
        assert cursor.fetchone() is None


def test_a_connection_is_asked_from_the_gap_on(connect, monkeypatch):
    connection, server = connect()
    now = time.time()
    monkeypatch.setattr("rdspool._driver.connection.time.time", lambda: now)
    connection._commands.last_used = now - 4.75
    assert connection.usable(5)
    assert server.commands == []
    server.will_answer([ok()])
    connection._commands.last_used = now - 5.0
    assert connection.usable(5)
    assert len(server.commands) == 1
