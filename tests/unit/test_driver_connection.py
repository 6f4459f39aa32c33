"""The connection of PEP 249 over a socket pair: cursors, transactions, the session and the end."""

import pytest
from fake_server import ok


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "head",
    [b"\n" + b" " * 200, b"/* a */ " * 60, b"-- a\n" * 60, b"# a\n" * 60, b" \t\r\n" * 60],
    ids=["blanks", "c", "sql", "hash", "mixed"],
)
def test_what_stands_before_a_statement_costs_it_no_time(connect, head):
    """A statement in a function's own indentation begins with many blanks: with a backtracking search it would never be sent."""
    connection, server = connect()
    server.will_answer([ok()], [ok()])
    cursor = connection.cursor()
    cursor.execute(head + b"DO 1")
    assert not connection.transaction.open
    cursor.execute(head + b"set  transaction read only")
    assert connection.transaction.open
