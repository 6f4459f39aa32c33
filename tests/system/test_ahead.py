"""connect="init": the first connection made in a thread beside the function's imports."""

from __future__ import annotations

import pytest
from connections import connection_id
from rdspool import errors, get_engine
from sqlalchemy import exc

from local.front.faults import Accept, Close


def test_a_connection_is_made_before_the_first_use_and_used_by_it(front, target):
    known = {connection.id for connection in front.connections()}
    engine = get_engine(**target, connect="init")
    front.wait(lambda front: any(c.id not in known and c.command_count == 2 for c in front.connections()))
    with front.count() as count:
        found = connection_id(engine)
    assert count.connections == 0
    assert front.connection(backend_id=found).id not in known


def test_the_variable_asks_for_a_connection_during_init(front, target, monkeypatch):
    monkeypatch.setenv("RDSPOOL_CONNECT", "init")
    known = len(front.connections())
    get_engine(**target)
    front.wait(lambda front: len(front.connections()) > known)


def test_a_failure_is_raised_at_the_first_use(password_target, caplog):
    engine = get_engine(**{**password_target, "password": "wrong"}, connect="init")
    with pytest.raises(exc.OperationalError) as caught:
        connection_id(engine)
    assert isinstance(caught.value.orig, errors.SignInError)
    assert any("during init" in note for note in caught.value.orig.__notes__)
    assert "made during init failed" in caplog.text
    assert "wrong" not in caplog.text


def test_a_failure_that_has_passed_is_logged(front, target, caplog):
    front.fault(when=Accept(), do=Close(), times=1)
    engine = get_engine(**target, connect="init")
    engine.pool._creator._init_connection._thread.join()
    assert connection_id(engine)
    assert "made during init failed" in caplog.text


def test_a_connection_lost_before_the_first_use_is_replaced(front, target, monkeypatch):
    monkeypatch.setattr("rdspool.creator.IDLE_GAP", 0.0)
    engine = get_engine(**target, connect="init")
    engine.pool._creator._init_connection._thread.join()
    first = front.connections()[-1]
    front.kill(first)
    front.wait_closed(first)
    assert connection_id(engine) != first.backend_id


def test_a_connection_too_old_at_the_first_use_is_replaced(front, target, monkeypatch):
    engine = get_engine(**target, connect="init", pool_recycle=60)
    engine.pool._creator._init_connection._thread.join()
    engine.pool._creator._init_connection._began -= 60
    first = front.connections()[-1]
    assert connection_id(engine) != first.backend_id
    front.wait_closed(first)


def test_no_connection_is_made_before_a_snapshot(front, target, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    engine = get_engine(**target, connect="init")
    assert engine.pool._creator._init_connection is None
    assert connection_id(engine)
