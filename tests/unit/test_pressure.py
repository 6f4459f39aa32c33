"""How near the server is to its limit of connections: when it is asked, in which flight, and what follows."""

from __future__ import annotations

import time

import pytest
from fake_server import AUTOCOMMIT, IN_TRANSACTION, column, ok, refusal, result, row
from mysql.connector.errors import Error
from rdspool._lambda import pressure
from rdspool._lambda.pressure import Pressure

QUESTIONS = [b"SELECT @@max_connections", b"SHOW GLOBAL STATUS LIKE 'Threads_connected'"]


def answers(limit, connected):
    return (
        result([column("@@max_connections")], [row(str(limit).encode())]),
        result([column("Variable_name"), column("Value")], [row(b"Threads_connected", str(connected).encode())]),
    )


@pytest.mark.parametrize(
    ("limit", "connected", "near"), [(100, 69, False), (100, 70, True), (100, 100, True), (10, 7, True), (10, 1, False)]
)
def test_near_is_a_share_of_the_limit(limit, connected, near):
    state = Pressure("automatic")
    state.take([[limit], ["Threads_connected", str(connected)]])
    assert state.yields is near


@pytest.mark.parametrize("answers", [[[], []], [["x"], ["a", "b"]], [[None], ["a", "5"]], []])
def test_what_cant_be_read_counts_as_far(answers):
    state = Pressure("automatic")
    state.take(answers)
    assert not state.yields
    assert not state.due()


def test_it_is_asked_rarely(monkeypatch):
    state = Pressure("automatic")
    assert state.due()
    state.take([[100], ["Threads_connected", "5"]])
    assert not state.due()
    now = time.time()
    monkeypatch.setattr(pressure.time, "time", lambda: now + pressure.INTERVAL)
    assert state.due()
    monkeypatch.setattr(pressure.time, "time", lambda: now - 3600)  # a clock that was set back
    assert state.due()


def test_a_refusal_counts_for_a_while(monkeypatch):
    state = Pressure("automatic")
    state.refused()
    assert state.yields
    now = time.time()
    monkeypatch.setattr(pressure.time, "time", lambda: now + pressure.REMEMBERED + 1)
    assert not state.yields


@pytest.mark.parametrize(("mode", "yields"), [("keep", False), ("yield", True)])
def test_the_setting_decides_without_a_question(mode, yields):
    state = Pressure(mode)
    assert not state.due()
    state.refused()
    assert state.yields is yields


def test_the_question_goes_with_the_rollback(connect):
    connection, server = connect(autocommit=False)
    connection.pressure = Pressure("automatic")
    server.will_answer([ok(status=IN_TRANSACTION)])
    connection.cursor().execute("INSERT INTO t VALUES (1)")
    server.will_answer([ok(status=0)], *answers(10, 9))
    connection.rollback()
    assert server.statements[1:] == [b"ROLLBACK", *QUESTIONS]
    assert connection.pressure.yields
    assert not connection.transaction.open
    server.will_answer([ok(status=IN_TRANSACTION)], [ok(status=0)])
    connection.cursor().execute("INSERT INTO t VALUES (1)")
    connection.rollback()
    assert server.statements[-1] == b"ROLLBACK"


def test_where_nothing_is_rolled_back_it_goes_alone(connect):
    connection, server = connect(autocommit=True)
    connection.pressure = Pressure("automatic")
    server.will_answer(*answers(10, 1))
    assert connection.restore()
    assert server.statements == QUESTIONS
    assert connection.restore()
    assert server.statements == QUESTIONS


def test_a_refused_rollback_is_raised_after_all_answers_are_read(connect):
    connection, server = connect(autocommit=False)
    connection.pressure = Pressure("automatic")
    server.will_answer([ok(status=IN_TRANSACTION)])
    connection.cursor().execute("INSERT INTO t VALUES (1)")
    server.will_answer([refusal(1317, "interrupted", "70100")], *answers(10, 1))
    with pytest.raises(Error, match="interrupted"):
        connection.rollback()
    server.will_answer([ok(status=AUTOCOMMIT)])
    connection.cursor().execute("DO 1")
    assert server.statements[-1] == b"DO 1"


def test_a_refused_question_is_no_error(connect):
    connection, server = connect(autocommit=False)
    connection.pressure = Pressure("automatic")
    server.will_answer([ok(status=IN_TRANSACTION)])
    connection.cursor().execute("INSERT INTO t VALUES (1)")
    server.will_answer([ok(status=0)], [refusal(1142, "denied", "42000")], [refusal(1142, "denied", "42000")])
    connection.rollback()
    assert not connection.pressure.yields
    assert not connection.closed


def test_an_answer_cut_in_the_flight_closes_the_connection(connect):
    connection, server = connect(autocommit=False)
    connection.pressure = Pressure("automatic")
    server.will_answer([ok(status=IN_TRANSACTION)])
    connection.cursor().execute("INSERT INTO t VALUES (1)")
    server.will_answer([ok(status=0)])
    connection.rollback()  # the server rolls a lost connection's transaction back by itself
    assert connection.closed
