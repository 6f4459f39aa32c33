"""What each use costs, counted at the front, exactly: a regression of the pinned pair, or of rdspool, shows at once."""

from __future__ import annotations

import pytest
from rdspool import get_engine
from sqlalchemy import text

SET = "QUERY SET NAMES 'utf8mb4', @@session.autocommit = "


@pytest.fixture(scope="module")
def table(server):
    server.execute(
        "CREATE TABLE IF NOT EXISTS app.round_trips (id INT PRIMARY KEY, v INT)", "INSERT IGNORE INTO app.round_trips VALUES (1, 1)"
    )


@pytest.fixture
def engine(target, table):
    return get_engine(**target)


@pytest.fixture
def warm(engine):
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    return engine


def verbs(count):
    """Return the first words of the statements; the QUIT of a connection that was closed before can come late."""
    return [command.split(" ")[1] for command in count.commands if command != "QUIT"]


def select(engine):
    with engine.connect() as connection:
        connection.execute(text("SELECT v FROM round_trips WHERE id = :id"), {"id": 1}).scalar_one()


def test_a_cold_connect_and_query_cost_five_round_trips(front, engine):
    with front.count() as count, engine.connect() as connection:
        connection.execute(text("SELECT v FROM round_trips WHERE id = 1")).scalar_one()
        connection.rollback()
    assert verbs(count) == ["SET", "SELECT", "SELECT", "ROLLBACK"]
    assert next(command for command in count.commands if command != "QUIT").startswith(SET)
    # TLS hello, login with the token, SET and the dialect's SELECT in one flight, the query, ROLLBACK.
    assert count.round_trips == 5
    assert count.connections == 1


def test_a_reconnect_and_query_cost_five_round_trips(front, warm):
    warm.dispose()
    with front.count() as count, warm.connect() as connection:
        connection.execute(text("SELECT v FROM round_trips WHERE id = 1")).scalar_one()
        connection.rollback()
    assert verbs(count) == ["SET", "SELECT", "ROLLBACK"]
    assert count.round_trips == 5


def test_a_warm_select_costs_two_round_trips(front, warm):
    with front.count() as count:
        select(warm)
    assert count.commands == ["QUERY SELECT v FROM round_trips WHERE id = 1", "QUERY ROLLBACK"]
    assert count.round_trips == 2


def test_a_warm_select_in_autocommit_costs_one_round_trip(front, target, table):
    engine = get_engine(**target, isolation_level="AUTOCOMMIT")
    select(engine)
    with front.count() as count:
        select(engine)
    assert count.commands == ["QUERY SELECT v FROM round_trips WHERE id = 1"]
    assert count.round_trips == 1


def test_autocommit_costs_nothing_at_connect(front, target, table):
    engine = get_engine(**target, isolation_level="AUTOCOMMIT")
    with front.count() as count:
        select(engine)
    assert next(command for command in count.commands if command != "QUIT").startswith(f"{SET}1")
    assert len(count.commands) == 3


@pytest.mark.parametrize("level", ["READ COMMITTED", "SERIALIZABLE"])
def test_isolation_level_costs_nothing_at_connect(front, target, table, level):
    engine = get_engine(**target, isolation_level=level)
    with front.count() as count:
        select(engine)
    commands = [command for command in count.commands if command != "QUIT"]  # that of a connection closed before can come late
    assert level.replace(" ", "-") in commands[0]
    assert len(commands) == 4
    assert engine.dialect.default_isolation_level == level


def test_a_warm_write_costs_two_round_trips(front, warm):
    with front.count() as count, warm.begin() as connection:
        connection.execute(text("UPDATE round_trips SET v = v + 1 WHERE id = :id"), {"id": 1})
    assert count.commands == ["QUERY UPDATE round_trips SET v = v + 1 WHERE id = 1", "QUERY COMMIT"]
    assert count.round_trips == 2


def test_a_checkout_alone_costs_nothing(front, warm):
    with front.count() as count, warm.connect():
        pass
    assert count.round_trips == 0


def test_an_idle_connection_is_asked_once(front, warm, monkeypatch):
    monkeypatch.setattr("rdspool.pool.IDLE_GAP", 0.0)
    with front.count() as count, warm.connect():
        pass
    assert count.commands == ["PING"]
