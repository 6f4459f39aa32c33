"""Why a connection is made: what became of the one before it."""

from __future__ import annotations

import logging
import time

import pytest
from rdspool import _connect_log
from rdspool._connect_log import NewConnection, tell
from rdspool._driver import lives
from rdspool._driver.lives import CLOSED, DIRTY, FAILOVER, FIRST, LOST, MORE, RECYCLE, YIELD, Life, Lives
from rdspool._driver.stopwatch import Stopwatch


@pytest.fixture
def clock(monkeypatch):
    """A wall clock that a test moves."""
    now = [1_900_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def begun(some):
    life = Life()
    return life, some.begin(life)


@pytest.mark.parametrize("why", [LOST, DIRTY, FAILOVER, CLOSED])
def test_the_first_reason_of_an_end_is_why_the_next_one_is_made(why):
    some = Lives(300)
    life, first = begun(some)
    life.ended(why)
    life.ended(CLOSED)  # what tidies up after it
    assert (first, begun(some)[1]) == (FIRST, why)


@pytest.mark.parametrize(
    ("age", "recycle", "why"), [(299, 300, CLOSED), (300, 300, RECYCLE), (0, 0, RECYCLE), (10**6, None, CLOSED), (10**6, -1, CLOSED)]
)
def test_one_that_is_closed_at_its_age_was_recycled(clock, age, recycle, why):
    some = Lives(recycle)
    life, _ = begun(some)
    clock[0] += age
    life.ended(CLOSED)
    assert begun(some)[1] == why


def test_one_that_was_lost_when_it_was_old_was_lost(clock):
    some = Lives(300)
    life, _ = begun(some)
    clock[0] += 400
    life.ended(LOST)
    assert begun(some)[1] == LOST


def test_others_that_live_leave_room_for_more():
    some = Lives(300)
    first, _ = begun(some)
    assert begun(some)[1] == MORE
    first.ended(LOST)
    assert [begun(some)[1], begun(some)[1]] == [LOST, MORE]


def test_only_those_that_were_closed_were_given_back():
    some = Lives(300)
    closed, lost, lives_on = (begun(some)[0] for _ in range(3))
    closed.ended(CLOSED)
    lost.ended(LOST)
    some.yielded()
    assert (closed.end, lost.end, lives_on.end) == (YIELD, LOST, None)


def test_connections_that_are_only_forgotten_take_no_memory_for_ever():
    some = Lives(300)
    for _ in range(3 * lives._MOST):
        begun(some)
    assert len(some._lives) == lives._MOST


def test_a_stopwatch_takes_each_step_from_the_end_of_the_one_before(monkeypatch):
    times = iter([10.0, 10.5, 12.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    watch = Stopwatch()
    watch.lap("one")
    watch.lap("two")
    assert watch.steps == {"one": 0.5, "two": 2.0}


MADE = NewConnection("reader", "db.test", 3306, "10.0.0.7", 4711, LOST, 3, 0.0123456, {"name": 0.0011, "tls": 0.00926})


@pytest.mark.parametrize("level", ["debug", "info"])
def test_the_line_and_its_fields(caplog, level):
    with caplog.at_level(logging.DEBUG, "rdspool"):
        tell(MADE, level)
    (record,) = caplog.records
    assert record.levelname == level.upper()
    assert record.getMessage() == "new connection 4711 to db.test:3306 (10.0.0.7), lost: 12.3 ms (name 1.1, tls 9.3) after 3 attempts"
    assert record.rdspool_connect == {
        "engine": "reader",
        "host": "db.test",
        "port": 3306,
        "address": "10.0.0.7",
        "connection_id": 4711,
        "why": "lost",
        "attempts": 3,
        "milliseconds": 12.3,
        "steps": {"name": 1.1, "tls": 9.3},
    }


def test_a_line_that_nobody_wants_is_not_made(caplog, monkeypatch):
    monkeypatch.setattr(_connect_log.logger, "log", lambda *_: pytest.fail("it was made"))
    with caplog.at_level(logging.INFO, "rdspool"):
        tell(MADE, "debug")


def test_watchers_are_told_without_a_log(caplog, monkeypatch):
    told = []
    monkeypatch.setattr(_connect_log, "watchers", [told.append])
    with caplog.at_level(logging.ERROR, "rdspool"):
        tell(MADE, "info")
    assert told == [MADE]
