"""Deadlines, silent networks and given up statements, with real servers: what a function sees, and what stays on the server."""

from __future__ import annotations

import pytest
from cut_network import run_client
from rdspool import ConnectTimeoutError, DeadlineError, OutcomeUnknownError, UnreachableError, deadline, get_engine
from sqlalchemy import exc, text

from local.front.faults import Accept, Command, LoseAnswer, Silence
from tests.function_rig import session_ids
from tests.waiting import wait_until


@pytest.fixture
def account(server):
    """A table with one row."""
    server.execute("DROP TABLE IF EXISTS app.account")
    server.execute("CREATE TABLE app.account (id INT PRIMARY KEY, amount INT)")
    server.execute("INSERT INTO app.account VALUES (1, 100)")
    yield "account"
    server.execute("DROP TABLE app.account")


def test_a_statement_given_up_at_the_deadline_is_ended_on_the_server(server, target, account):
    """An UPDATE that waited for a lock would otherwise get it later, and keep it until the server misses the client."""
    holder = get_engine("holder", **target)
    engine = get_engine(**target)
    with holder.connect() as holding:
        holding.execute(text("UPDATE account SET amount = 0 WHERE id = 1"))
        with engine.connect() as connection:
            number = connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
            with deadline(2), pytest.raises(exc.OperationalError) as caught:
                connection.execute(text("UPDATE account SET amount = 1 WHERE id = 1"))
        wait_until(lambda: number not in session_ids(server), "the session of the given up statement has ended")
    error = caught.value.orig
    assert isinstance(error, DeadlineError)
    assert "deadline(2)" in str(error)
    assert f"ended on the server, and what it had not committed is rolled back there (connection {number})" in error.__notes__[0]
    with engine.begin() as connection:
        assert connection.execute(text("SELECT amount FROM account WHERE id = 1 FOR UPDATE")).scalar_one() == 100


def test_a_time_out_of_its_own_ends_the_statement_too(server, front, password_target, account):
    from rdspool import dbapi

    connection = dbapi.connect(**password_target, read_timeout=0.3)
    number = connection.connection_id
    with pytest.raises(Exception, match=r"within 0\.3 s") as caught:
        connection.cursor().execute("SELECT SLEEP(30)")
    assert "ended on the server" in caught.value.__notes__[0]
    wait_until(lambda: number not in session_ids(server), "the session of the given up statement has ended")


def test_a_statement_that_can_not_be_ended_says_so(front, target):
    engine = get_engine(**target)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        front.fault(when=Accept(), do=Silence(), times=None)
        with deadline(1), pytest.raises(exc.OperationalError) as caught:
            connection.execute(text("SELECT SLEEP(5)"))
    assert "may go on on the server" in caught.value.orig.__notes__[0]


def test_a_commit_whose_answer_is_lost_has_an_unknown_outcome(front, target, account):
    engine = get_engine(**target)
    with engine.connect() as connection:
        connection.execute(text("UPDATE account SET amount = 7 WHERE id = 1"))
        front.fault(when=Command("COMMIT"), do=LoseAnswer())
        with pytest.raises(exc.OperationalError) as caught:
            connection.commit()
    assert isinstance(caught.value.orig, OutcomeUnknownError)
    assert caught.value.connection_invalidated
    with engine.connect() as connection:
        assert connection.execute(text("SELECT amount FROM account")).scalar_one() == 7


def test_an_autocommitted_write_whose_answer_is_lost_has_an_unknown_outcome(front, target, account):
    engine = get_engine(**target, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        front.fault(when=Command("UPDATE account"), do=LoseAnswer())
        with pytest.raises(exc.OperationalError) as caught:
            connection.execute(text("UPDATE account SET amount = 7 WHERE id = 1"))
        assert isinstance(caught.value.orig, OutcomeUnknownError)


def test_a_deadline_ends_a_connect(front, target):
    front.fault(when=Accept(), do=Silence())
    with deadline(0.3), pytest.raises(exc.OperationalError, match=r"deadline\(0\.3\)") as caught, get_engine(**target).connect():
        pass
    assert isinstance(caught.value.orig, UnreachableError)


def test_a_connect_that_ends_while_its_session_is_set_up_is_a_connect_that_timed_out(front, target):
    """Nothing of it can have been committed."""
    front.fault(when=Command("SET NAMES"), do=Silence())
    with deadline(0.5), pytest.raises(exc.OperationalError, match="stopped answering") as caught, get_engine(**target).connect():
        pass
    assert isinstance(caught.value.orig, ConnectTimeoutError)


def test_a_connect_has_a_bound_of_its_own_where_nobody_sets_one(front, target):
    front.fault(when=Accept(), do=Silence())
    with pytest.raises(exc.OperationalError, match=r"2 s \(RDSPOOL_CONNECT_TIMEOUT\)"), get_engine(**target).connect():
        pass


def test_a_deadline_ends_the_wait_for_the_pools_connection(target):
    engine = get_engine(**target)
    with engine.connect(), deadline(0.2), pytest.raises(exc.TimeoutError, match=r"none came back within 0\.15 s \(deadline\(0\.2\)"):
        engine.connect()


def test_the_wait_for_the_pool_has_a_bound_of_its_own(target):
    engine = get_engine(**target)
    with engine.connect(), pytest.raises(exc.TimeoutError, match=r"none came back within 2 s \(pool_timeout\)"):
        engine.connect()


def test_a_bound_of_the_pool_is_kept_when_the_pool_is_made_anew(target):
    engine = get_engine(**target, pool_timeout=0.1)
    engine.dispose()
    with engine.connect(), pytest.raises(exc.TimeoutError, match=r"none came back within 0\.1 s"):
        engine.connect()


def test_a_slow_server_is_waited_for_rather_than_left(front, target):
    """Its kernel acknowledges the ping at once, so the network works: a reconnect would take five such answers."""
    engine = get_engine(**target)
    with engine.connect() as connection:
        number = connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
        idle = connection.connection.dbapi_connection._commands
    idle.last_used -= 60
    front.delay = 1.2
    try:
        with front.count() as count, engine.connect() as connection:
            front.delay = 0
            assert connection.execute(text("SELECT CONNECTION_ID()")).scalar_one() == number
    finally:
        front.delay = 0
    assert "PING" in count.commands


# -- networks that go silent -------------------------------------------------------------------------------------------------------------

CLIENT = """
import json, sys, threading, time
from cut_network import GATEWAY, cut
from local.front.names import resolved
from rdspool import dbapi

given = json.loads(sys.argv[1])
begun = None
with resolved(given["target"]["host"], address=GATEWAY):
    connection = dbapi.connect(**given["target"])
    cursor = connection.cursor()
    try:
        if given["when"] == "hot":
            cursor.execute("SELECT 1")
            cut()
        elif given["when"] == "inside":
            threading.Timer(0.5, cut).start()
        cursor.execute(given["statement"])
        outcome = "answered"
    except dbapi.Error as error:
        outcome = f"{type(error).__name__}: {error}"
print(json.dumps({"outcome": outcome, "closed": connection.closed}))
"""


# Which server it is makes no difference to the kernel: one is enough, for each of these takes some 15 s.
@pytest.mark.parametrize("server", ["mysql"], indirect=True)
@pytest.mark.parametrize("when", ["hot", "inside"])
def test_a_network_that_goes_silent_is_noticed(password_target, tmp_path, when):
    """At default settings: no time-out is set, the kernel's probes find nobody."""
    statement = "SELECT 1" if when == "hot" else "SELECT SLEEP(300)"
    seen = run_client(tmp_path, ("127.0.0.1", password_target["port"]), CLIENT, target=password_target, when=when, statement=statement)
    assert seen["closed"]
    assert "Lost connection" in seen["outcome"]


@pytest.mark.parametrize("server", ["mysql"], indirect=True)
def test_a_long_statement_on_a_working_network_is_not_ended(password_target, tmp_path):
    seen = run_client(
        tmp_path, ("127.0.0.1", password_target["port"]), CLIENT, target=password_target, when="never", statement="SELECT SLEEP(18)"
    )
    assert seen == {"outcome": "answered", "closed": False}
