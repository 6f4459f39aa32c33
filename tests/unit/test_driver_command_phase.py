"""The command phase over a socket pair: no answer is ever taken for another's."""

from __future__ import annotations

import signal
import time

import pytest
from fake_server import (
    AUTOCOMMIT,
    IN_TRANSACTION,
    MORE_RESULTS,
    PING,
    QUIT,
    RESET_CONNECTION,
    close,
    column,
    end,
    numbers,
    ok,
    packets,
    refusal,
    result,
    row,
    silence,
)
from mysql.connector.errors import DatabaseError, IntegrityError, OperationalError, ProgrammingError
from rdspool import ProtocolError, StatementTimeoutError
from rdspool._driver.answers import DISCARDED_BYTES
from rdspool._driver.connection_state import STATE_CHANGED
from rdspool._driver.effects import LEAVES_STATE
from rdspool._driver.responses import Ok
from rdspool._driver.result_sets import ResultSet

pytestmark = pytest.mark.usefixtures("each_decoder")

MORE = AUTOCOMMIT | MORE_RESULTS


class Reader:
    """What reads a stream: any object that lives."""


def rows_of(commands):
    return commands.rows(None)[0]


def test_an_ok_is_returned_with_its_counts(commands_and_server):
    commands, server = commands_and_server
    server.will_answer([ok(3, 1 << 40, status=IN_TRANSACTION, warnings=2)])
    assert commands.query(b"UPDATE t SET a = 1") == Ok(3, 1 << 40, IN_TRANSACTION, 2)
    assert server.commands == [b"\x03UPDATE t SET a = 1"]
    assert (commands.status, commands.status_known, commands.commands) == (IN_TRANSACTION, True, 1)


def test_a_result_is_returned_with_columns_rows_and_end(commands_and_server):
    commands, server = commands_and_server
    server.will_answer(result([column("a"), column("b")], [row(b"1", None)], warnings=1, status=IN_TRANSACTION))
    answer = commands.query(b"SELECT")
    assert isinstance(answer, ResultSet)
    assert [found.name for found in answer.columns] == ["a", "b"]
    assert commands.rows(None) == ([row(b"1", None)], 1)
    assert commands.status == IN_TRANSACTION


@pytest.mark.parametrize("count", [1, 250, 251, 4096])
def test_an_answer_with_many_columns(commands_and_server, count):
    commands, server = commands_and_server
    server.will_answer(result([column(f"c{number}") for number in range(count)], []))
    assert len(commands.query(b"SELECT").columns) == count
    assert commands.rows(None) == ([], 0)


def test_a_refusal_keeps_the_connection_and_leaves_the_status_unknown(commands_and_server):
    commands, server = commands_and_server
    server.will_answer([refusal(1064)], [ok()])
    with pytest.raises(ProgrammingError) as caught:
        commands.query(b"SELEC")
    assert caught.value.errno == 1064
    assert not commands.status_known
    assert commands.query(b"DO 1") == Ok(0, 0, AUTOCOMMIT, 0)
    assert commands.status_known


def test_a_refusal_after_the_columns_and_one_among_the_rows_keep_the_connection(commands_and_server):
    commands, server = commands_and_server
    whole = result([column()], [row(b"a")])
    server.will_answer([*whole[:2], refusal(1317)], [*whole[:-1], refusal(1317)], [ok()])
    for _ in range(2):
        with pytest.raises(DatabaseError):
            commands.query(b"SELECT"), commands.rows(None)
        assert not commands.status_known
    assert commands.query(b"DO 1")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([b""], "it is empty"),
        ([b"\xfb/etc/passwd"], "asks for a file of this machine"),
        ([b"\x00"], "an OK packet"),
        ([b"\xfc"], "number of a result's columns"),
        ([b"\x01\x01"], "longer than a number"),
        ([b"\xfe" + (1 << 60).to_bytes(8, "little")], "columns are not possible"),
        ([b"\x01", b""], "a column's description"),
        ([b"\x01", refusal()], "a column's description"),
        ([b"\xff"], "an error that can't be read"),
        (packets([ok()], first=0), "out of its sequence"),
        (packets([ok()], first=2), "out of its sequence"),
    ],
)
def test_an_answer_that_cant_be_read_closes_the_connection(commands_and_server, answer, message):
    commands, server = commands_and_server
    server.will_answer(answer, [ok()])
    with pytest.raises(ProtocolError, match=message):
        commands.query(b"SELECT")
    assert commands.closed
    assert commands.lost
    with pytest.raises(OperationalError) as caught:
        commands.query(b"SELECT")
    assert caught.value.errno == 2006
    assert server.wait() == [b"\x03SELECT"]


@pytest.mark.parametrize(
    ("between", "message"), [(row(b"a"), "no EOF packet"), (b"", "no EOF packet"), (b"\xfe", "an EOF packet"), (end()[:4], "an EOF packet")]
)
def test_columns_that_no_eof_packet_ends_close_the_connection(commands_and_server, between, message):
    commands, server = commands_and_server
    commands.stream.ok_ends_rows = False
    server.will_answer(packets([b"\x01", column(), between]))
    with pytest.raises(ProtocolError, match=message):
        commands.query(b"SELECT")
    assert commands.closed


@pytest.mark.parametrize("last", [end(), b"\xfe", b"\xfe" + ok()[1:-1]])
def test_rows_that_no_ok_packet_ends_close_the_connection(commands_and_server, last):
    """Somebody between client and server could have taken the capability out of one side's sight."""
    commands, server = commands_and_server
    commands.stream.ok_ends_rows = True
    server.will_answer(packets([b"\x01", column(), row(b"a"), last]))
    commands.query(b"SELECT")
    with pytest.raises(ProtocolError, match="an OK packet"):
        commands.rows(None)
    assert commands.closed


def test_the_end_of_rows_tells_of_the_session(commands_and_server):
    """With EOF packets nothing does: what a stored function has set would reach the next invocation."""
    commands, server = commands_and_server
    commands.stream.ok_ends_rows = True
    server.will_answer(packets([b"\x01", column(), b"\xfe" + ok(status=AUTOCOMMIT | STATE_CHANGED)[1:]]))
    commands.query(b"SELECT f()")
    assert commands.left_behind == 0
    commands.rows(None)
    assert commands.left_behind == LEAVES_STATE


@pytest.mark.parametrize("last", [b"\xfe", b"\xfe\0\0", b"\xfe\0\0\0\0\0", b"\xff"])
def test_rows_whose_end_cant_be_read_close_the_connection(commands_and_server, last):
    commands, server = commands_and_server
    server.will_answer([*result([column()], [row(b"a")])[:-1], last])
    commands.query(b"SELECT")
    with pytest.raises(ProtocolError):
        commands.rows(None)
    assert commands.closed


def test_an_answer_too_many_stops_the_next_command(commands_and_server):
    commands, server = commands_and_server
    server.will_answer(packets([ok(1), ok(2)]))
    assert commands.query(b"DO 1").affected_rows == 1
    with pytest.raises(ProtocolError, match="sent more than the answers"):
        commands.query(b"DO 2")
    assert commands.closed
    assert server.wait() == [b"\x03DO 1"]


def test_a_server_that_closed_is_noticed_before_the_next_command(commands_and_server):
    commands, server = commands_and_server
    server.will_answer([ok()])
    commands.query(b"DO 1")
    assert not commands.at_end()
    server.close()
    assert commands.at_end()
    with pytest.raises(OperationalError, match="before the statement was sent"):
        commands.query(b"DO 2")
    assert commands.lost


def test_a_server_that_closes_in_place_of_an_answer_is_a_lost_connection(commands_and_server):
    commands, server = commands_and_server
    server.will_answer(close)
    with pytest.raises(OperationalError) as caught:
        commands.query(b"DO 1")
    assert caught.value.errno == 2013
    assert (commands.closed, commands.lost) == (True, True)


@pytest.mark.parametrize("by", ["the statement", "the connection"])
def test_a_time_out_closes_the_connection(commands_and_server, by):
    commands, server = commands_and_server
    server.will_answer(silence)
    if by == "the connection":
        commands.read_timeout = 0.02
    with pytest.raises(StatementTimeoutError, match=r"0\.02 s"):
        commands.query(b"DO SLEEP(9)", 0.02 if by == "the statement" else None)
    assert commands.closed


def test_a_time_out_among_the_rows_closes_the_connection(commands_and_server):
    commands, server = commands_and_server
    server.will_answer(server.framed(result([column()], [row(b"a")])[:-1]))
    commands.query(b"SELECT")
    with pytest.raises(StatementTimeoutError):
        commands.rows(None, 0.02)
    assert commands.closed


# -- several results -----------------------------------------------------------------------------------------------------------------


def several(status=AUTOCOMMIT):
    """Return a procedure's answer: two results and an OK."""
    return [numbers(1, 2, status=status | MORE_RESULTS), numbers(3, status=status | MORE_RESULTS), [ok(7, status=status)]]


def chained(results):
    return [payload for one in results for payload in one]


def test_results_are_read_one_after_the_other(commands_and_server):
    commands, server = commands_and_server
    server.will_answer(chained(several()))
    commands.query(b"CALL p()")
    assert not commands.more_results, "what follows the rows is known at their end"
    assert rows_of(commands) == [row(b"1"), row(b"2")]
    assert commands.more_results
    assert isinstance(commands.next_result(), ResultSet)
    assert rows_of(commands) == [row(b"3")]
    assert commands.next_result() == Ok(7, 0, AUTOCOMMIT, 0)
    assert commands.next_result() is None


@pytest.mark.parametrize("read", ["nothing", "columns", "first", "second"])
def test_unread_results_are_not_given_to_the_next_statement(commands_and_server, read):
    commands, server = commands_and_server
    server.will_answer(chained(several()), numbers(42))
    commands.query(b"CALL p()")
    if read != "columns":
        rows_of(commands)
    if read == "second":
        commands.next_result()
    commands.query(b"SELECT 42")
    assert rows_of(commands) == [row(b"42")]


def test_the_next_result_drops_what_is_left_of_the_one_before(commands_and_server):
    commands, server = commands_and_server
    server.will_answer(chained(several()))
    commands.query(b"CALL p()")
    commands.next_result()
    assert rows_of(commands) == [row(b"3")]


def test_an_error_among_results_is_raised_by_drain_or_before_the_next_command(commands_and_server):
    commands, server = commands_and_server
    failing = [numbers(1, status=MORE), [refusal(1062, "Duplicate entry", "23000")]]
    server.will_answer(chained(failing), chained(failing), [ok()])
    commands.query(b"CALL p()")
    rows_of(commands)
    with pytest.raises(IntegrityError):
        commands.drain()
    assert not commands.more_results
    commands.query(b"CALL p()")
    rows_of(commands)
    with pytest.raises(IntegrityError, match="Duplicate entry") as caught:
        commands.query(b"COMMIT")
    assert "statement before" in caught.value.__notes__[0]
    assert b"COMMIT" not in server.statements
    assert commands.query(b"DO 1")


def test_a_lost_connection_among_results_is_no_refusal(commands_and_server):
    commands, server = commands_and_server
    server.will_answer(lambda connected: (connected.sendall(server.framed(numbers(1, status=MORE))), close(connected)))
    commands.query(b"CALL p()")
    rows_of(commands)
    with pytest.raises(OperationalError) as caught:
        commands.query(b"DO 1")
    assert caught.value.errno == 2013
    assert commands.closed


# -- streams -------------------------------------------------------------------------------------------------------------------------


def begin_stream(commands, server, rows=10, size=10):
    server.will_answer(result([column()], [row(b"x" * size)] * rows))
    commands.query(b"SELECT")
    reader = Reader()
    commands.read_by(reader)
    return reader


def test_a_stream_that_is_being_read_stops_other_commands(commands_and_server):
    commands, server = commands_and_server
    reader = begin_stream(commands, server)
    assert commands.reads(reader)
    assert len(commands.rows(4)[0]) == 4
    with pytest.raises(ProgrammingError, match="streamed result are still being read"):
        commands.query(b"DO 1")
    assert len(rows_of(commands)) == 6
    assert not commands.reads(reader)
    server.will_answer([ok()])
    assert commands.query(b"DO 1")


@pytest.mark.parametrize("how", ["given up", "forgotten"])
def test_an_abandoned_stream_is_read_to_its_end(commands_and_server, how):
    commands, server = commands_and_server
    reader = begin_stream(commands, server, rows=1000)
    commands.rows(4)
    server.will_answer([ok(7)])
    if how == "given up":
        commands.stop_reading()
    else:
        del reader
    assert commands.query(b"DO 1").affected_rows == 7


def test_a_small_stream_left_early_keeps_the_connection_at_a_rollback(commands_and_server):
    commands, server = commands_and_server
    reader = begin_stream(commands, server, rows=1000)
    commands.rows(4)
    commands.discard()
    assert not commands.closed
    assert not commands.reads(reader)
    server.will_answer([ok(7)])
    assert commands.query(b"ROLLBACK").affected_rows == 7


def test_a_large_stream_left_early_is_cheaper_to_close(commands_and_server):
    commands, server = commands_and_server
    begin_stream(commands, server, rows=2 * DISCARDED_BYTES // 1000, size=1000)
    commands.rows(4)
    commands.discard()
    assert (commands.closed, commands.lost) == (True, True)


def test_a_rollback_drops_unread_results(commands_and_server):
    commands, server = commands_and_server
    server.will_answer(chained(several()), [ok(7)])
    commands.query(b"CALL p()")
    rows_of(commands)
    commands.discard()
    assert commands.query(b"ROLLBACK").affected_rows == 7


# -- interruptions -------------------------------------------------------------------------------------------------------------------


class Interrupt(Exception):
    pass


@pytest.fixture
def alarm():
    """Return a function that raises Interrupt in this thread after some seconds, as a time limit does."""

    def interrupt(*_):
        raise Interrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    "sent", [[], result([column()], [row(b"a")])[:2], result([column()], [row(b"a")])[:-1]], ids=["none", "columns", "rows"]
)
def test_an_interruption_within_an_answer_closes_the_connection(commands_and_server, alarm, sent):
    commands, server = commands_and_server
    server.will_answer(server.framed(sent))
    alarm(0.05)
    with pytest.raises(Interrupt):
        commands.query(b"SELECT")
        commands.rows(None)
    assert (commands.closed, commands.lost) == (True, True)


@pytest.mark.parametrize("use", [lambda c: c.query(b"DO 1"), lambda c: c.rows(None)])
def test_an_interrupted_answer_is_never_read_on(commands_and_server, use):
    """The interruption can come between two instructions of the driver's own, with no exception handler around."""
    commands, server = commands_and_server
    server.will_answer(numbers(1))
    commands.query(b"SELECT 1")
    commands._answering = True
    assert commands.at_end()
    with pytest.raises(OperationalError, match="was interrupted") as caught:
        use(commands)
    assert caught.value.errno == 2013
    assert commands.closed
    assert server.wait() == [b"\x03SELECT 1"]


@pytest.mark.parametrize("use", [lambda c: c.query(b"DO 2"), lambda c: c.ping(1), lambda c: c.rows(None)])
def test_an_interruption_before_any_rows_is_noticed_too(commands_and_server, use):
    commands, server = commands_and_server
    server.will_answer([ok()], [ok(5)])
    commands.query(b"DO 1")
    commands._answering = True
    with pytest.raises(OperationalError, match="was interrupted"):
        use(commands)
    assert commands.closed
    assert server.wait() == [b"\x03DO 1"]


def test_a_rollback_after_an_interruption_closes(commands_and_server):
    commands, server = commands_and_server
    server.will_answer([ok()])
    commands.query(b"DO 1")
    commands._answering = True
    commands.discard()
    assert (commands.closed, commands.lost) == (True, True)


# -- other commands ------------------------------------------------------------------------------------------------------------------


def test_pings_and_session_variables_are_not_counted_as_commands(commands_and_server):
    commands, server = commands_and_server
    server.will_answer([ok()], [ok()], [ok()], [ok()])
    commands.ping(1)
    commands.set_variables(["NAMES 'utf8mb4'", "@@session.autocommit = 1"])
    assert commands.commands == 0
    commands.query(b"DO 1")
    commands.reset()
    assert commands.commands == 2
    assert server.commands == [PING, b"\x03SET NAMES 'utf8mb4', @@session.autocommit = 1", b"\x03DO 1", RESET_CONNECTION]


def test_a_ping_has_its_own_time_out(commands_and_server):
    commands, server = commands_and_server
    server.will_answer(silence)
    with pytest.raises(StatementTimeoutError, match=r"0\.02 s \(the time of a ping\)"):
        commands.ping(0.02)
    assert commands.closed


def test_the_time_of_the_last_answer_is_kept(commands_and_server):
    commands, server = commands_and_server
    commands.last_used = 0.0
    begun = time.time()
    for answer in ([ok()], [refusal()], numbers(1)):
        commands.last_used = 0.0
        server.will_answer(answer)
        try:
            if isinstance(commands.query(b"x"), ResultSet):
                commands.rows(None)
        except ProgrammingError:
            pass
        assert commands.last_used >= begun


def test_quit_is_sent_once(commands_and_server):
    commands, server = commands_and_server
    commands.quit()
    assert (commands.closed, commands.lost) == (True, False)
    commands.quit()
    assert server.wait() == [QUIT]


@pytest.mark.parametrize("state", ["closed by the server", "streaming", "with results", "with bytes too many"])
def test_quit_never_fails(commands_and_server, state):
    commands, server = commands_and_server
    if state == "closed by the server":
        server.close()
    elif state == "streaming":
        reader = begin_stream(commands, server)
        assert commands.reads(reader)
    elif state == "with results":
        server.will_answer(chained(several()))
        commands.query(b"CALL p()")
        rows_of(commands)
    else:
        server.send(b"x")
    commands.quit()
    assert (commands.closed, commands.lost) == (True, False)


def test_each_use_of_a_closed_connection_is_error_2006(commands_and_server):
    commands, _ = commands_and_server
    commands.quit()
    assert commands.at_end()
    for use in (
        lambda: commands.query(b"x"),
        lambda: commands.rows(None),
        lambda: commands.stream,
        lambda: commands.ping(1),
        commands.reset,
    ):
        with pytest.raises(OperationalError) as caught:
            use()
        assert caught.value.errno == 2006
    assert commands.next_result() is None
    commands.discard()
    commands.drain()


def test_the_end_of_an_empty_result_in_one_packet_each(commands_and_server):
    commands, server = commands_and_server
    server.will_answer([b"\x01", column(), end(status=IN_TRANSACTION), end(status=IN_TRANSACTION, warnings=3)])
    commands.query(b"SELECT")
    assert commands.rows(None) == ([], 3)
