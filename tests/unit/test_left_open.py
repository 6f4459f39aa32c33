"""Connections that are out at the end of an invocation: which are rolled back, closed or cut."""

from __future__ import annotations

import threading

import pytest
from fake_server import AUTOCOMMIT, IN_TRANSACTION, numbers, ok, silence
from mysql.connector.errors import OperationalError
from rdspool._lambda import left_open


@pytest.fixture(autouse=True)
def nothing_else_is_out():
    left_open._out.clear()
    yield
    left_open._out.clear()


def test_a_connection_that_has_only_read_can_be_used_on(connect):
    connection, server = connect(autocommit=False)
    left_open.taken(connection, entry := object(), None)
    server.will_answer(numbers(1, status=IN_TRANSACTION), [ok(status=0)], numbers(2, status=IN_TRANSACTION))
    connection.cursor().execute("SELECT 1")
    left_open.roll_back()
    assert server.statements[-1] == b"ROLLBACK"
    connection.cursor().execute("SELECT 2")
    left_open.given_back(None, entry)


def test_a_connection_that_has_written_is_closed(connect):
    connection, server = connect(autocommit=False)
    left_open.taken(connection, object(), None)
    server.will_answer([ok(status=IN_TRANSACTION)], [ok(status=0)])
    connection.cursor().execute("INSERT INTO t VALUES (1)")
    left_open.roll_back()
    assert server.statements[-1] == b"ROLLBACK"
    assert connection.closed


def test_a_connection_whose_writes_were_committed_can_be_used_on(connect):
    connection, server = connect(autocommit=False)
    left_open.taken(connection, object(), None)
    server.will_answer([ok(status=IN_TRANSACTION)], [ok(status=0)])
    connection.cursor().execute("INSERT INTO t VALUES (1)")
    connection.commit()
    left_open.roll_back()
    assert not connection.closed
    connection, server = connect(autocommit=True)
    left_open.taken(connection, object(), None)
    server.will_answer([ok(status=AUTOCOMMIT)])
    connection.cursor().execute("INSERT INTO t VALUES (1)")
    left_open.roll_back()
    assert not connection.closed


def test_another_threads_connection_is_cut_in_the_midst_of_its_statement(connect):
    """Nothing is sent on it: that thread would read the answer."""
    connection, server = connect(autocommit=False)
    taken, met = threading.Event(), []

    def background():
        left_open.taken(connection, object(), None)
        taken.set()
        try:
            connection.cursor().execute("SELECT SLEEP(60)")
        except OperationalError as error:
            met.append(error)

    server.will_answer(silence)
    thread = threading.Thread(target=background)
    thread.start()
    taken.wait()
    left_open.roll_back()
    thread.join()
    assert len(met) == 1
    assert connection.closed
    assert b"ROLLBACK" not in server.statements


def test_a_connection_of_a_thread_that_has_ended_is_rolled_back(connect):
    connection, server = connect(autocommit=False)

    def background():
        left_open.taken(connection, object(), None)
        connection.cursor().execute("SELECT 1")

    server.will_answer(numbers(1, status=IN_TRANSACTION), [ok(status=0)])
    thread = threading.Thread(target=background)
    thread.start()
    thread.join()
    left_open.roll_back()
    assert server.statements[-1] == b"ROLLBACK"
    assert not connection.closed
