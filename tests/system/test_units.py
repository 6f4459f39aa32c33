"""run(): what is run again, and what never is, with real servers."""

from __future__ import annotations

import threading

import pytest
from rdspool import OutcomeUnknownError, UnitError, deadline, get_engine, run
from sqlalchemy import event, exc, text
from sqlalchemy.orm import sessionmaker

from local.front.faults import Close, Command, Error, LoseAnswer


@pytest.fixture
def accounts(server):
    server.execute("DROP TABLE IF EXISTS app.accounts")
    server.execute("CREATE TABLE app.accounts (id INT PRIMARY KEY, amount INT)")
    server.execute("INSERT INTO app.accounts VALUES (1, 100), (2, 100)")
    yield lambda: [row[0] for row in server.execute("SELECT amount FROM app.accounts ORDER BY id")]
    server.execute("DROP TABLE app.accounts")


def moving(calls, amount=10):
    def move(unit):
        calls.append(unit)
        unit.execute(text("UPDATE accounts SET amount = amount - :a WHERE id = 1"), {"a": amount})
        unit.execute(text("UPDATE accounts SET amount = amount + :a WHERE id = 2"), {"a": amount})
        return "moved"

    return move


def test_a_unit_that_succeeds_runs_once(target, accounts):
    calls = []
    assert run(get_engine(**target), moving(calls)) == "moved"
    assert len(calls) == 1
    assert accounts() == [90, 110]


@pytest.mark.parametrize("number", [1020, 1205, 1213])
def test_a_unit_that_another_transaction_stopped_runs_again(front, target, accounts, number):
    calls = []
    front.fault(when=Command("amount \\+ 10"), do=Error(number), times=2)
    assert run(get_engine(**target), moving(calls)) == "moved"
    assert len(calls) == 3
    assert accounts() == [90, 110]


def test_a_real_deadlock_leaves_no_unit_behind(target, accounts):
    engine = get_engine(**target, pool_size=2)
    meeting = threading.Barrier(2)
    runs = []

    def move(first, second):
        met = []

        def work(connection):
            runs.append(1)
            connection.execute(text("UPDATE accounts SET amount = amount - 1 WHERE id = :i"), {"i": first})
            if not met:
                met.append(meeting.wait())
            connection.execute(text("UPDATE accounts SET amount = amount + 1 WHERE id = :i"), {"i": second})

        run(engine, work)

    threads = [threading.Thread(target=move, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) >= 3
    assert accounts() == [100, 100]


def test_a_connection_lost_before_the_commit_runs_again(front, target, accounts):
    calls = []
    front.fault(when=Command("amount \\+ 10"), do=Close())
    assert run(get_engine(**target), moving(calls)) == "moved"
    assert len(calls) == 2
    assert accounts() == [90, 110]


def test_a_session_is_a_unit_too(front, target, accounts):
    calls = []
    front.fault(when=Command("amount \\+ 10"), do=Error(1213))
    assert run(sessionmaker(get_engine(**target)), moving(calls)) == "moved"
    assert len(calls) == 2
    assert accounts() == [90, 110]


def test_nothing_runs_again_after_a_commit_was_sent(front, target, accounts):
    calls = []
    front.fault(when=Command("COMMIT"), do=LoseAnswer())
    with pytest.raises(exc.OperationalError) as caught:
        run(get_engine(**target), moving(calls))
    assert isinstance(caught.value.orig, OutcomeUnknownError)
    assert len(calls) == 1
    assert accounts() == [90, 110]


def test_a_refusal_that_another_run_does_not_mend_is_raised_at_once(front, target, accounts):
    calls = []
    front.fault(when=Command("amount \\+ 10"), do=Error(1146))
    with pytest.raises(exc.DatabaseError):
        run(get_engine(**target), moving(calls))
    assert len(calls) == 1
    assert accounts() == [100, 100]


def test_the_last_error_says_how_often_it_ran(front, target, accounts):
    calls = []
    front.fault(when=Command("amount \\+ 10"), do=Error(1213), times=None)
    with pytest.raises(exc.DBAPIError) as caught:
        run(get_engine(**target), moving(calls), attempts=3)
    assert len(calls) == 3
    assert "run 3 times" in caught.value.__notes__[-1]
    assert accounts() == [100, 100]


def test_no_run_begins_that_the_deadline_leaves_no_time_for(front, target, accounts):
    calls = []
    front.fault(when=Command("amount \\+ 10"), do=Error(1213), times=None)
    with deadline(0.3), pytest.raises((exc.DBAPIError, exc.TimeoutError)):
        run(get_engine(**target), moving(calls), attempts=1000)
    assert 1 <= len(calls) < 1000
    assert accounts() == [100, 100]


@pytest.mark.parametrize("options", [{"isolation_level": "AUTOCOMMIT"}, {}])
def test_what_was_committed_on_the_way_is_not_run_again(front, target, accounts, server, options):
    calls = []

    def work(connection):
        moved = moving(calls)
        if not options:
            connection.execute(text("CREATE TABLE IF NOT EXISTS accounts_2 (id INT)"))
        moved(connection)

    front.fault(when=Command("amount \\+ 10"), do=Error(1213))
    with pytest.raises(UnitError, match="commits by itself"):
        run(get_engine(**target, **options), work)
    server.execute("DROP TABLE IF EXISTS app.accounts_2")
    assert len(calls) == 1


@pytest.mark.filterwarnings("ignore:transaction already deassociated")  # of the Session, which rolls back what was committed
def test_what_another_connection_committed_is_not_done_again(front, target, accounts):
    """A Session with two engines commits one after the other."""
    first, second = get_engine("first", **target), get_engine("second", **target)
    calls, commits = [], []

    def committing(_):
        commits.append(1)
        if len(commits) == 2:
            front.fault(when=Command("QUERY COMMIT"), do=Error(1213))

    def work(session):
        calls.append(session)
        session.execute(text("UPDATE accounts SET amount = amount - 10 WHERE id = 1"), bind_arguments={"bind": first})
        session.execute(text("UPDATE accounts SET amount = amount + 10 WHERE id = 2"), bind_arguments={"bind": second})

    for engine in (first, second):
        event.listen(engine, "commit", committing)
    with pytest.raises(UnitError, match="by another connection"):
        run(sessionmaker(), work)
    assert len(calls) == 1
    assert accounts() in ([90, 100], [100, 110])  # SQLAlchemy chooses the order


def test_a_unit_within_a_unit_counts_as_committed(front, target, accounts):
    inner, outer = get_engine("inner", **target), get_engine("outer", **target)
    calls = []

    def work(connection):
        calls.append(connection)
        run(inner, lambda other: other.execute(text("UPDATE accounts SET amount = amount - 1 WHERE id = 1")))
        connection.execute(text("SELECT 1"))
        connection.execute(text("UPDATE accounts SET amount = amount + 1 WHERE id = 2"))

    front.fault(when=Command("amount \\+ 1"), do=Error(1213))
    with pytest.raises(UnitError, match="by another connection"):
        run(outer, work)
    assert len(calls) == 1
    assert accounts() == [99, 100]


@pytest.mark.parametrize("options", [{"isolation_level": "SERIALIZABLE"}, {"isolation_level": "READ COMMITTED"}])
def test_a_unit_with_a_setting_of_its_session_runs_again(front, target, accounts, options):
    calls = []

    def work(connection):
        connection.execute(text("SET SESSION innodb_lock_wait_timeout = 5"))
        return moving(calls)(connection)

    engine = get_engine(**target)
    for _ in range(2):
        front.fault(when=Command("amount \\+ 10"), do=Error(1213))
        run(engine.execution_options(**options), work)
    assert len(calls) == 4
    assert accounts() == [80, 120]


def test_a_unit_that_would_run_after_its_transaction_is_refused(target, accounts):
    def generator(connection):
        yield connection

    async def coroutine(connection):
        return connection

    for work in (generator, coroutine):
        with pytest.raises(TypeError, match="would run after the transaction"):
            run(get_engine(**target), work)


def test_an_error_of_the_units_own_is_raised_as_it_is(target, accounts):
    def work(connection):
        moving([])(connection)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run(get_engine(**target), work)
    assert accounts() == [100, 100]
