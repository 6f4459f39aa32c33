"""A statement that is larger than the server takes is reported as that, and no other loss is."""

from __future__ import annotations

import pytest
from fake_server import refusal
from mysql.connector.errors import OperationalError
from rdspool import OutcomeUnknownError, StatementTooLargeError
from rdspool._driver import too_large
from rdspool._driver.disconnects import is_disconnect

LARGE = b"\x03" + b"x" * too_large.LARGE


def lost(number):
    return OperationalError("Lost connection to MySQL server: [Errno 32] Broken pipe", errno=number)


@pytest.mark.parametrize("number", [2013, 2055])
@pytest.mark.parametrize("limit", [1, len(LARGE)])
def test_a_loss_while_a_large_statement_was_sent(number, limit):
    with pytest.raises(StatementTooLargeError) as caught:
        too_large.check(lost(number), LARGE, lambda: limit)
    told = str(caught.value)
    assert f"has {len(LARGE):,} bytes, and the server takes {limit:,} at most (its max_allowed_packet)" in told
    assert "Broken pipe" not in told
    assert (caught.value.errno, caught.value.sqlstate) == (1153, "08S01")
    assert is_disconnect(caught.value)


def test_the_servers_own_word_counts_for_any_size_and_without_its_limit():
    for ask in (None, lambda: None):
        with pytest.raises(StatementTooLargeError, match="has 3 bytes, and the server takes fewer at most"):
            too_large.check(lost(1153), b"\x03ab", ask)


def test_a_loss_that_the_size_does_not_explain_stays_what_it_is():
    error = lost(2013)
    too_large.check(error, LARGE, lambda: len(LARGE) + 1)
    too_large.check(error, LARGE[:-2], lambda: pytest.fail("it is not asked for a statement of this size"))
    too_large.check(lost(3024), LARGE, lambda: pytest.fail("it is not asked for a time-out"))
    assert not hasattr(error, "__notes__")


def test_a_limit_that_can_t_be_asked_leaves_a_note():
    error = lost(2055)
    too_large.check(error, LARGE, lambda: None)
    assert error.__notes__ == [
        f"The statement has {len(LARGE):,} bytes, and a server closes the connection for one beyond its max_allowed_packet."
    ]


def test_a_statement_that_was_refused_for_its_size_has_a_known_outcome(commands_and_server):
    """It could commit, and the server says that it did not read it."""
    commands, server = commands_and_server
    commands.packet_limit = lambda: 9
    server.will_answer([refusal(1153, "Got a packet bigger than 'max_allowed_packet' bytes", "08S01")])
    with pytest.raises(StatementTooLargeError, match="takes 9 at most") as caught:
        commands.query(b"INSERT INTO t VALUES (1)")
    assert not isinstance(caught.value, OutcomeUnknownError)
    assert commands.closed
    assert commands.lost
