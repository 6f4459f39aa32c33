"""Lost connections: each recognised by the error it makes, replaced at the next use, and an idle one before it."""

from __future__ import annotations

import ssl
import threading
import time

import pytest
from connections import connection_id
from rdspool import get_engine, pool
from rdspool._driver.error_numbers import OPTION_PREVENTS_STATEMENT, READ_ONLY, SERVER_CLOSES
from sqlalchemy import exc, text

from local.front.faults import Close, Command, CutAnswer, Error, LoseAnswer, Silence
from tests.waiting import wait_until


@pytest.fixture
def engine(target):
    engine = get_engine(**target)
    connection_id(engine)
    return engine


def lose(engine):
    """Run a statement that fails, and return the error: which has to be a disconnect, so that the pool replaces the connection."""
    with pytest.raises(exc.DBAPIError) as caught, engine.connect() as connection:
        connection.execute(text("SELECT 4711"))
    return caught.value


@pytest.mark.parametrize("code", sorted(SERVER_CLOSES | READ_ONLY | {OPTION_PREVENTS_STATEMENT}))
def test_an_error_that_ends_the_connection_replaces_it(front, engine, code):
    first = connection_id(engine)
    front.fault(when=Command("SELECT 4711"), do=Error(code, close=code in SERVER_CLOSES))
    error = lose(engine)
    assert error.orig.errno == code
    assert error.connection_invalidated
    assert connection_id(engine) != first


@pytest.mark.parametrize("code", [1045, 1146, 1205, 1213, 1290, 1317, 1792])
def test_an_error_of_a_statement_keeps_the_connection(front, engine, code):
    first = connection_id(engine)
    message = "The MySQL server is running with the --secure-file-priv option so it cannot execute this statement" if code == 1290 else None
    front.fault(when=Command("SELECT 4711"), do=Error(code, message=message))
    assert not lose(engine).connection_invalidated
    assert connection_id(engine) == first


@pytest.mark.parametrize(
    "fault", [Close(), Close(reset=True), LoseAnswer(), LoseAnswer(reset=True), CutAnswer(), CutAnswer(reset=True)], ids=repr
)
def test_a_connection_that_breaks_is_replaced(front, engine, fault):
    first = connection_id(engine)
    front.fault(when=Command("SELECT 4711"), do=fault)
    error = lose(engine)
    assert isinstance(error, exc.OperationalError)
    assert error.orig.errno in (2006, 2013, 2055)
    assert error.connection_invalidated
    assert connection_id(engine) != first


def test_a_connection_killed_by_the_server_is_replaced_without_a_ping(server, front, engine):
    """The connection was used a moment ago, but every checkout looks at the socket: the handler sees no error."""
    first = connection_id(engine)
    server.execute(f"KILL {first}")
    front.wait_closed(front.connection(backend_id=first))
    with front.count() as count:
        assert connection_id(engine) != first
    assert "PING" not in count.commands


@pytest.mark.parametrize("gap", [pool.IDLE_GAP, 0.0], ids=["used a moment ago", "idle"])
@pytest.mark.parametrize("code", [1053, 4031])
def test_an_error_that_was_sent_while_idle_replaces_the_connection(front, engine, monkeypatch, code, gap):
    """A server that ends an idle session says why first: bytes that the client has not asked for, which evict a connection just used too."""
    monkeypatch.setattr(pool, "IDLE_GAP", gap)
    first = connection_id(engine)
    front.notify(front.connection(backend_id=first), code)
    front.wait_closed(front.connection(backend_id=first))
    assert connection_id(engine) != first


def test_a_connection_that_the_server_closed_for_idling_is_replaced(server, target):
    engine = get_engine(**target, pool_recycle=1, wait_timeout=2)
    first = connection_id(engine)
    count = f"SELECT COUNT(*) FROM information_schema.processlist WHERE id = {first}"
    wait_until(lambda: server.execute(count) == [(0,)], "the server ends the idle session")
    assert connection_id(engine) != first


def test_a_connection_whose_read_timed_out_is_replaced(front, target):
    engine = get_engine(**target)
    with pytest.raises(exc.DBAPIError) as caught, engine.connect() as connection:
        connection.connection.dbapi_connection.read_timeout = 1
        front.fault(when=Command("SELECT 4711"), do=Silence())
        connection.execute(text("SELECT 4711"))
    assert caught.value.connection_invalidated
    assert connection_id(engine)


# -- checks at checkout -----------------------------------------------------------------------------------------------------


@pytest.fixture
def idle(engine, monkeypatch):
    """Return a connection that has been idle for longer than the gap."""
    monkeypatch.setattr(pool, "IDLE_GAP", 0.0)
    return engine


def test_a_lost_idle_connection_is_replaced_silently(front, idle):
    first = connection_id(idle)
    front.kill(front.connection(backend_id=first))
    front.wait_closed(front.connection(backend_id=first))
    with front.count() as count:
        assert connection_id(idle) != first
    assert "PING" not in count.commands  # the end of file was seen


def test_a_black_hole_is_found_by_a_ping(front, idle):
    first = connection_id(idle)
    front.blackhole(front.connection(backend_id=first))
    assert connection_id(idle) != first


def test_a_sound_idle_connection_is_kept(front, idle):
    assert connection_id(idle) == connection_id(idle)


def test_idleness_is_by_the_wall_clock(front, engine, monkeypatch):
    """Over a freeze the monotonic clock may stand still; the wall clock does not."""
    real = time.time
    with front.count() as count:
        connection_id(engine)
    assert "PING" not in count.commands
    monkeypatch.setattr("rdspool._driver.connection.time.time", lambda: real() + pool.IDLE_GAP + 1)
    with front.count() as count:
        connection_id(engine)
    assert count.commands[0] == "PING"


def test_an_interrupted_read_leaves_no_answer_behind(front, engine, monkeypatch):
    """Whatever interrupts a statement, its late answer is never taken for the next one's."""
    with engine.connect() as connection, monkeypatch.context() as interrupted:
        connection.connection.dbapi_connection.limit(None)  # so that the next statement takes the socket's methods anew
        interrupted.setattr(ssl.SSLSocket, "read", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            connection.execute(text("SELECT 4711"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 42")).scalar_one() == 42


def test_a_server_that_restarts_is_waited_for(front, engine):
    """It was reached before, so what refuses connections now can be about to take them again."""
    connection_id(engine)
    engine.dispose()
    front.stop_listening()
    timer = threading.Timer(0.4, front.listen_again)
    timer.start()
    try:
        connection_id(engine)
    finally:
        timer.join()


def test_a_server_that_stays_away_is_told_of_with_the_attempts(front, target):
    engine = get_engine(**target, connect_timeout=0.6)
    connection_id(engine)
    engine.dispose()
    front.stop_listening()
    try:
        with pytest.raises(exc.OperationalError, match=r"It was tried \d+ times in 0\.\d s; the limit is 0\.6 s"):
            connection_id(engine)
    finally:
        front.listen_again()
