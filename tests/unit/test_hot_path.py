"""What a warm statement costs, in calls of Python functions: a count, which is the same on every machine.

Each call is some 20 bytecodes with what it does, and nearly all that rdspool adds to the time of a statement are bytecodes
(`tests/bench` measures the time itself, beside the peers).
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fake_server import IN_TRANSACTION, LONGLONG, column, ok, result, row
from rdspool import dbapi
from rdspool._driver import compiled

PACKAGE = str(Path(dbapi.__file__).parent)
ONE_ROW = result([column("n", LONGLONG)], [row(b"8")], status=IN_TRANSACTION)
SELECT, UPDATE = "SELECT %(id)s + 1", "UPDATE t SET n = n + 1 WHERE id = %(id)s"


def calls(run):
    """Return the functions of rdspool that a run calls, in their order."""
    found = []

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            found.append(frame.f_code.co_qualname)

    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
    return found


@pytest.fixture
def connection_and_server(connect):
    return connect(autocommit=False)


@pytest.fixture
def warm(connection_and_server):
    """Return a function that runs a statement and ends its transaction, after it has done so twice."""
    connection, server = connection_and_server

    def prepared(statement, answer, end):
        def run():
            server.will_answer(answer, [ok()])
            cursor = connection.cursor()
            cursor.execute(statement, {"id": 7})
            if cursor.with_rows:
                assert cursor.fetchone() == (8,)
            cursor.close()
            getattr(connection, end)()

        for _ in range(2):
            run()
        return run

    return prepared


@pytest.mark.parametrize(
    ("statement", "answer", "end", "most"),
    [(SELECT, ONE_ROW, "rollback", 18), (UPDATE, [ok(1, status=IN_TRANSACTION)], "commit", 23)],
    ids=["SELECT + ROLLBACK", "UPDATE + COMMIT"],
)
def test_a_warm_statement_takes_few_calls(warm, ok_ends_rows, statement, answer, end, most):
    """More of them have to be worth it: see tests/bench before and after."""
    found = calls(warm(statement, answer, end))
    if not ok_ends_rows and statement is SELECT:
        most += 45  # of an old server: its answer has a packet more, and is read in Python; so the ROLLBACK sets its time-out anew
    assert len(found) <= most, found


def test_nothing_of_a_warm_statement_is_read_in_python(warm, ok_ends_rows):
    """The part in C reads the answers to both commands."""
    found = calls(warm(SELECT, ONE_ROW, "rollback"))
    assert ("PacketStream.receive" in found) is not ok_ends_rows


def test_the_way_in_python_takes_more(warm, connection_and_server, monkeypatch):
    run = warm(SELECT, ONE_ROW, "rollback")
    before = len(calls(run))
    monkeypatch.setattr(compiled, "in_c", None)
    connection_and_server[0].limit(None)  # so that the next command begins anew
    assert len(calls(run)) > before
