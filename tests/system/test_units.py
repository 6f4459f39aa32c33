"""run(): what is run again, and what never is, with real servers."""

from __future__ import annotations

import threading

import pytest
from rdspool import OutcomeUnknownError, UnitError, deadline, get_engine, run
from sqlalchemy import exc, text
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


def test_an_error_of_the_units_own_is_raised_as_it_is(target, accounts):
    def work(connection):
        moving([])(connection)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run(get_engine(**target), work)
    assert accounts() == [100, 100]
