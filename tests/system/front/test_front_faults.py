"""Faults that the RDS front makes on order, each as a client meets it."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable
from typing import Any

import mysql.connector
import pymysql
import pymysql.err
import pytest
from front_clients import DATABASE, IAM_USER, PASSWORD_USER, connector_connection, pymysql_connection, query
from pymysql.constants import CR

from local.front import Accept, Close, Command, Connection, CutAnswer, Delay, Error, Front, LoseAnswer, SignIn, Silence
from local.front.protocol import framed
from local.server import Server
from tests.waiting import wait_until

LOST = CR.CR_SERVER_LOST
pytestmark = pytest.mark.parametrize("server", ["mysql"], indirect=True)


@pytest.fixture(autouse=True)
def empty_table(front: Front, server: Server) -> None:
    server.execute(f"CREATE TABLE IF NOT EXISTS {DATABASE}.written (what TEXT)", f"TRUNCATE {DATABASE}.written")


def written(server: Server) -> int:
    return int(server.execute(f"SELECT COUNT(*) FROM {DATABASE}.written")[0][0])


def number_of(action: Any, *arguments: Any, **options: Any) -> int:
    """Return the number of the error that this raises."""
    with pytest.raises(pymysql.err.MySQLError) as caught:
        action(*arguments, **options)
    return int(caught.value.args[0])


def connect(front: Front, **options: Any) -> None:
    with pymysql_connection(front, **options):
        pass


def record_of(front: Front, connection: Any) -> Connection:
    return front.connection(backend_id=query(connection))


def test_accept_error_comes_in_place_of_the_greeting(front: Front) -> None:
    front.fault(when=Accept(), do=Error(1040))
    with socket.create_connection((front.address, front.port)) as raw, raw.makefile("rb") as stream:
        # Byte for byte as MySQL 9.7 and MariaDB 10.11 do it: without the SQLSTATE.
        assert stream.read() == b"\x17\x00\x00\x00\xff\x10\x04Too many connections"
    connect(front)


@pytest.mark.parametrize("reset", [False, True])
def test_accept_close(front: Front, reset: bool) -> None:
    front.fault(when=Accept(), do=Close(reset=reset))
    with socket.create_connection((front.address, front.port)) as raw:
        if reset:
            with pytest.raises(ConnectionResetError):
                raw.recv(1)
        else:
            assert raw.recv(1) == b""


def seconds(work: Callable[..., Any], *arguments: Any, **options: Any) -> float:
    """Return how long a call takes."""
    begin = time.monotonic()
    work(*arguments, **options)
    return time.monotonic() - begin


def test_accept_silence(front: Front) -> None:
    front.fault(when=Accept(), do=Silence())
    assert number_of(connect, front, read_timeout=1) == LOST
    front.wait(lambda front: not front.connection().open)
    assert front.connection().bytes_out == 0


@pytest.mark.parametrize("code", [1040, 1045, 1203])
@pytest.mark.parametrize("user", [IAM_USER, PASSWORD_USER])
def test_sign_in_error(front: Front, user: str, code: int) -> None:
    front.fault(when=SignIn(user=user), do=Error(code))
    connect(front, user=PASSWORD_USER if user == IAM_USER else IAM_USER)
    assert number_of(connect, front, user=user) == code
    assert front.connection().refusal == f"fault: error {code}"
    connect(front, user=user)


def test_sign_in_close(front: Front) -> None:
    front.fault(when=SignIn(), do=Close())
    assert number_of(connect, front) == LOST


def test_command_error_leaves_the_connection(front: Front, server: Server) -> None:
    with pymysql_connection(front, autocommit=True) as connection:
        rule = front.fault(when=Command("INSERT"), do=Error(1290), times=2)
        for _ in range(2):
            assert number_of(query, connection, "INSERT INTO written VALUES ('no')") == 1290
        assert query(connection, "SELECT 1") == 1
        assert written(server) == 0
        query(connection, "INSERT INTO written VALUES ('yes')")
        assert written(server) == 1
        assert [(one["id"], one["hits"], one["times"]) for one in front.faults()] == [(rule, 2, 0)]


def test_command_error_with_its_own_text(front: Front) -> None:
    with pymysql_connection(front) as connection:
        front.fault(when=Command("PING"), do=Error(1105, "XX000", "of the test", close=True))
        with pytest.raises(pymysql.err.MySQLError, match="of the test"):
            connection.ping(reconnect=False)
        record = front.wait_closed(front.connection())
        assert record.closed_by == "front"


def test_command_error_for_one_of_many_packets(front: Front, server: Server) -> None:
    server.execute("SET GLOBAL max_allowed_packet = 67108864")
    with pymysql_connection(front, max_allowed_packet=1 << 26) as connection:
        front.fault(when=Command("LENGTH"), do=Error(1317))
        assert number_of(query, connection, f"SELECT LENGTH('{'x' * (17 << 20)}')") == 1317
        assert query(connection, "SELECT 1") == 1


def test_after_and_times(front: Front) -> None:
    with pymysql_connection(front) as connection:
        other = front.connection().id + 1
        front.fault(when=Command("SELECT 1", connection=other), do=Error(1205), times=None)
        front.fault(when=Command("SELECT 1"), do=Error(1213), times=2, after=1)
        outcomes = []
        for _ in range(5):
            try:
                outcomes.append(query(connection, "SELECT 1"))
            except pymysql.err.MySQLError as error:
                outcomes.append(error.args[0])
        assert outcomes == [1, 1213, 1213, 1, 1]


@pytest.mark.parametrize(
    ("do", "rows"),
    [(Close(), 0), (Close(reset=True), 0), (LoseAnswer(), 1), (LoseAnswer(reset=True), 1), (CutAnswer(), 1), (CutAnswer(reset=True), 1)],
    ids=str,
)
def test_lost_in_a_command(front: Front, server: Server, do: Any, rows: int) -> None:
    with pymysql_connection(front, autocommit=True) as connection:
        front.fault(when=Command("INSERT"), do=do)
        # PyMySQL lets the reset and the end inside a TLS record through as the system's error.
        with pytest.raises((pymysql.err.OperationalError, OSError)) as caught:
            query(connection, "INSERT INTO written VALUES ('perhaps')")
        assert not isinstance(caught.value, pymysql.err.OperationalError) or caught.value.args[0] in (LOST, CR.CR_SERVER_GONE_ERROR)
        assert written(server) == rows
        record = front.wait_closed(front.connection())
        assert (record.closed_by, record.commands[-1]) == ("front", "QUERY INSERT INTO written VALUES ('perhaps')")


def test_command_silence(front: Front) -> None:
    with pymysql_connection(front, read_timeout=1) as connection:
        front.fault(when=Command("SELECT 1"), do=Silence())
        assert number_of(query, connection, "SELECT 1") == LOST


def test_command_delay(front: Front) -> None:
    with pymysql_connection(front) as connection:
        front.fault(when=Command("SELECT 1"), do=Delay(0.3))
        begin = time.monotonic()
        query(connection, "SELECT 1")
        delayed = time.monotonic() - begin
        assert delayed >= 0.3
        # The second is not: the fastest of some is faster than any delayed one.
        assert min(seconds(query, connection, "SELECT 1") for _ in range(5)) < delayed


def test_delay_of_all_answers(front: Front) -> None:
    front.delay(0.05)
    begin = time.monotonic()
    with pymysql_connection(front) as connection:
        # The greeting and one answer for each round trip of the sign-in and of PyMySQL's settings.
        assert time.monotonic() - begin >= 0.05 * 6
        assert seconds(query, connection, "SELECT 1") >= 0.05


def test_delay_does_not_add_up_for_pipelined_commands(front: Front) -> None:
    with pymysql_connection(front) as connection:
        front.delay(0.1)

        def pipelined() -> None:
            for _ in range(8):
                connection._write_bytes(framed(b"\x0e", 0))
            for _ in range(8):
                connection._next_seq_id = 1
                assert connection._read_packet().is_ok_packet()

        # One after the other they take 0.8 s and more, however busy the machine is.
        one_by_one = sum(seconds(connection.ping, reconnect=False) for _ in range(8))
        assert 0.1 <= min(seconds(pipelined) for _ in range(3)) < one_by_one


def test_fault_waits_for_answers_before_it(front: Front) -> None:
    with pymysql_connection(front) as connection:
        front.fault(when=Command("SELECT 2"), do=Error(1205))
        connection._write_bytes(framed(b"\x0e", 0) + framed(b"\x03SELECT 2", 0) + framed(b"\x0e", 0))
        connection._next_seq_id = 1
        assert connection._read_packet().is_ok_packet()
        connection._next_seq_id = 1
        assert number_of(connection._read_packet) == 1205
        connection._next_seq_id = 1
        assert connection._read_packet().is_ok_packet()


def peeked(connection: Any) -> bytes | None:
    """Return what a look at the socket shows without waiting: None for nothing, empty for its end."""
    sock: socket.socket = connection._sock
    duplicate = socket.socket(fileno=socket.dup(sock.fileno()))
    with duplicate:
        try:
            return duplicate.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None


def drained(connection: Any) -> None:
    """Take what TLS brought with an answer's record."""
    query(connection, "SELECT 1")
    assert peeked(connection) is None


@pytest.mark.parametrize("reset", [False, True])
def test_kill(front: Front, server: Server, reset: bool) -> None:
    with pymysql_connection(front) as connection:
        record = record_of(front, connection)
        drained(connection)
        front.kill(record, reset=reset)
        assert select.select([connection._sock], [], [], 5)[0]
        if reset:
            with pytest.raises(ConnectionResetError):
                peeked(connection)
        else:
            # Nothing before the end, no close_notify either: so MySQL closes.
            assert peeked(connection) == b""
        assert front.wait_closed(record).closed_by == "front"
        with pytest.raises(LookupError, match=f"connection {record.id} is not open"):
            front.kill(record)
        count = f"SELECT COUNT(*) FROM information_schema.processlist WHERE id = {record.backend_id}"
        wait_until(lambda: server.execute(count) == [(0,)], "the server ends the session")


def test_blackhole(front: Front) -> None:
    with pymysql_connection(front, read_timeout=1) as connection:
        record = record_of(front, connection)
        front.blackhole(record)
        assert peeked(connection) is None
        assert number_of(connection.ping, reconnect=False) == LOST
        after = front.connection(record.id)
        assert (after.round_trips, after.commands) == (record.round_trips, record.commands)
        assert after.bytes_in > record.bytes_in


@pytest.mark.parametrize("code", [4031, 1053])
def test_notice(front: Front, code: int) -> None:
    with connector_connection(front) as connection:
        record = record_of(front, connection)
        front.notify(record, code)
        front.wait_closed(record)
        # Not by a cursor: that pings first, and the number is lost.
        with pytest.raises(mysql.connector.Error) as caught:
            connection.cmd_query("SELECT 1")
        assert caught.value.errno == code


def test_notice_is_as_the_real_one(front: Front) -> None:
    received = []
    for real in (True, False):
        with pymysql_connection(front) as connection:
            record = record_of(front, connection)
            if real:
                query(connection, "SET SESSION wait_timeout = 1")
            else:
                front.notify(record, 4031)
            received.append(connection._rfile.read())
            # The backend's own disconnect comes through as it is.
            assert front.wait_closed(record).closed_by == ("server" if real else "front")
    assert received[0] == received[1]
    assert b"\xbf\x0f#HY000The client was disconnected" in received[0]


def test_failover(front: Front) -> None:
    with pymysql_connection(front) as connection:
        front.stop_listening()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((front.address, front.port)).close()
        assert query(connection, "SELECT 1") == 1
        front.listen_again()
        connect(front)


def test_a_fault_that_cannot_be(front: Front) -> None:
    with pytest.raises(ValueError, match="LoseAnswer applies to the answer to a Command, not to Accept"):
        front.fault(when=Accept(), do=LoseAnswer())
    with pytest.raises(ValueError, match="is not a valid regular expression"):
        front.fault(when=Command("("), do=Close())


def test_many_at_once(front: Front) -> None:
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(pymysql_connection(front)) for _ in range(20)]
        numbers = [query(connection) for connection in connections]
        assert len(set(numbers)) == 20
        assert front.totals()["open"] == 20
        assert {record.backend_id: record.commands[-1] for record in front.connections()} == dict.fromkeys(
            numbers, "QUERY SELECT CONNECTION_ID()"
        )
    front.wait(lambda front: front.totals()["open"] == 0)
