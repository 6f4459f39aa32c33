"""When waits end: the invocation's time, the block's, the connect's, and what an error says of it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import threading
import time

import pytest
from fake_server import numbers, ok, packets, silence
from hypothesis import given, settings
from hypothesis import strategies as st
from rdspool import DeadlineError, OutcomeUnknownError, StatementTimeoutError, deadline, deadlines
from rdspool._driver import _compiled, compiled
from rdspool._driver.command_phase import CommandPhase
from rdspool._driver.connection_state import AUTOCOMMIT, IN_TRANSACTION, MORE_RESULTS
from rdspool._driver.packets import PacketStream
from rdspool._driver.waiting import SLACK
from rdspool._lambda.pressure import Pressure


@pytest.fixture
def invocation():
    """A function that begins an invocation with so many seconds left."""
    yield lambda seconds: deadlines.begin_invocation(time.time() + seconds)
    deadlines.end_invocation()


# -- which end counts ----------------------------------------------------------------------------------------------------------------


def test_outside_of_all_nothing_ends_a_wait():
    assert deadlines.nearest() is None
    assert deadlines.usual() == deadlines.USUAL_UNKNOWN


def test_an_invocation_ends_waits_before_itself(invocation):
    invocation(60)
    limit = deadlines.nearest(2.0)
    assert limit is not None
    assert 57.5 < limit.left() <= 58
    assert "less a margin of 2000 ms" in str(limit)
    assert deadlines.usual() == deadlines.USUAL
    deadlines.end_invocation()
    assert deadlines.nearest() is None


def test_a_margin_takes_a_quarter_of_a_short_invocation(invocation):
    invocation(1)
    limit = deadlines.nearest(0.5)
    assert limit is not None
    assert limit.left() > 0.7


def test_what_tidies_up_may_use_most_of_the_margin(invocation):
    invocation(10)
    usual, tidying = deadlines.nearest(2.0), deadlines.nearest(2.0, deadlines.CLEANING)
    assert usual is not None
    assert tidying is not None
    assert tidying.at - usual.at == pytest.approx(2.0 * (1 - deadlines.CLEANING))


def test_the_earlier_end_counts(invocation):
    invocation(60)
    with deadline(5):
        assert deadlines.nearest().why.startswith("deadline(5)")
        with deadline(90):
            assert deadlines.nearest().why.startswith("deadline(5)")
        with deadline(1):
            assert deadlines.nearest().why.startswith("deadline(1)")
        assert deadlines.nearest().why.startswith("deadline(5)")
    assert "invocation" in deadlines.nearest().why
    with deadline(90):
        assert "invocation" in deadlines.nearest().why


@pytest.mark.parametrize("around", ["invocation", "block"])
def test_the_earlier_limit_counts_where_a_short_margin_ends_later(invocation, monkeypatch, around):
    """A short block's margin is a quarter of it, so its limit can be later than that of what ends after it."""
    if around == "invocation":
        invocation(100)
    with deadline(100) if around == "block" else contextlib.nullcontext():
        outer = deadlines.nearest(20.0)
        then = time.monotonic() + 78
        monkeypatch.setattr(time, "monotonic", lambda: then)
        with deadline(8):  # with its own margin of 2 s it would end 84 s after the begin
            assert deadlines.nearest(20.0) is outer
        with deadline(1):
            assert deadlines.nearest(20.0).why.startswith("deadline(1)")


@pytest.mark.parametrize("left", [0, -5, -time.time()])
def test_an_end_that_is_over_at_the_begin_is_none(invocation, left):
    """An emulator without deadlines gives 0, and a wall clock can be wrong: the function works on, with each wait's own bound."""
    invocation(left)
    assert deadlines.nearest() is None
    assert deadlines.usual() == deadlines.USUAL_UNKNOWN


def generator(seconds):
    with deadline(seconds):
        yield


def test_a_generator_that_is_left_late_takes_no_others_deadline_away_and_leaves_none():
    first = generator(1)
    next(first)
    with deadline(5):
        first.close()
        assert deadlines.nearest().why.startswith("deadline(5)")
    assert deadlines.nearest() is None


def test_a_generator_that_is_never_left_ends_with_its_invocation(invocation):
    invocation(60)
    kept = generator(5)
    next(kept)
    assert deadlines.nearest().why.startswith("deadline(5)")
    invocation(60)
    assert "invocation" in deadlines.nearest().why
    kept.close()
    assert "invocation" in deadlines.nearest().why


def test_a_task_keeps_no_deadline_of_a_block_that_was_left():
    async def later(left):
        await left.wait()
        return deadlines.nearest()

    async def main():
        left = asyncio.Event()
        with deadline(5):
            task = asyncio.create_task(later(left))
            await asyncio.sleep(0)
        left.set()
        return await task

    assert asyncio.run(main()) is None


def test_a_block_is_its_threads_own():
    found = []
    with deadline(5):
        thread = threading.Thread(target=lambda: found.append(deadlines.nearest()))
        thread.start()
        thread.join()
    assert found == [None]


def test_a_block_ends_with_an_error_too():
    with pytest.raises(LookupError), deadline(5):
        raise LookupError
    assert deadlines.nearest() is None


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), True, "5", None])
def test_a_deadline_is_a_number_of_seconds(seconds):
    with pytest.raises(ValueError, match=r"give a number of seconds above 0"), deadline(seconds):
        pass


def test_a_limit_of_ones_own_is_cut_by_the_nearest_end():
    assert deadlines.within(5, "a setting").why == "a setting"
    with deadline(1):
        cut = deadlines.within(5, "a setting")
        assert cut.why.startswith("deadline(1)")
        assert cut.left() <= 1
        assert deadlines.within(0.5, "a setting").why == "a setting"


# -- waits on a connection -------------------------------------------------------------------------------------------------------------


def test_a_statement_without_an_answer_ends_at_the_deadline(connect):
    connection, server = connect(autocommit=False)
    server.will_answer(silence)
    with (
        deadline(0.04),
        pytest.raises(
            DeadlineError,
            match=r"did not answer for 0\.\d+ s, and the limit is over: 0\.03 s \(deadline\(0\.04\), less a margin of 10 ms\)",
        ),
    ):
        connection.cursor().execute("SELECT 1")
    assert connection.closed


def test_a_time_out_of_its_own_that_is_earlier_counts(connect):
    connection, server = connect(autocommit=False)
    server.will_answer(silence)
    with deadline(30), pytest.raises(Exception, match=r"within 0\.02 s") as caught:
        connection.cursor(read_timeout=0.02).execute("SELECT 1")
    assert not isinstance(caught.value, DeadlineError)


@pytest.mark.parametrize("earlier", [(None, None), (None, 30), (5, None), (5, 30), (31, 30)], ids=str)
@pytest.mark.parametrize(("read_timeout", "end"), [(None, 0.04), (5, 0.04), (0.04, 0.04), (0.02, 30), (0.02, None)])
def test_whatever_ended_the_waits_before_the_earliest_end_counts(connect, each_decoder, earlier, read_timeout, end):
    """The socket keeps its time-out from one command to the next."""
    connection, server = connect(autocommit=False)
    server.will_answer([ok()], [ok()], silence)

    def run(read_timeout, end):
        with deadline(end) if end else contextlib.nullcontext():
            connection.cursor(read_timeout=read_timeout).execute("DO 1")

    run(*earlier)
    run(*earlier)
    with pytest.raises(StatementTimeoutError) as caught:
        run(read_timeout, end)
    assert isinstance(caught.value, DeadlineError) == (end == 0.04)


@pytest.mark.parametrize("early", [0.01, 0.03, 0.04, 0.06, 0.3])
def test_a_time_out_that_is_early_is_not_the_statements_own(connect, each_decoder, early):
    """However little was left of the limit: the statement had no time-out."""
    connection, server = connect(autocommit=False)
    server.will_answer(silence)
    with deadline(0.8):
        stream = connection._commands.stream
        stream.waiting.renew()
        stream._set_timeout(stream.waiting.left() - early)
        with pytest.raises(DeadlineError):
            connection.cursor().execute("SELECT 1")


@pytest.mark.parametrize("answered", [True, False])
def test_a_wait_goes_on_where_the_time_out_was_that_of_an_earlier_limit(connect, each_decoder, answered):
    connection, server = connect(autocommit=False)
    late = (lambda channel: (time.sleep(0.4), channel.sendall(server.framed([ok(7)])))) if answered else silence
    server.will_answer([ok()], late)
    with deadline(0.3):
        connection.cursor().execute("DO 1")
    with deadline(0.9), contextlib.nullcontext() if answered else pytest.raises(DeadlineError, match=r"for 0\.[67]\d* s"):
        cursor = connection.cursor()
        cursor.execute("DO 7")
        assert cursor.rowcount == 7


def test_what_was_waited_is_counted_from_the_command(connect, each_decoder):
    connection, server = connect(autocommit=False)
    server.will_answer([ok()], silence)
    with deadline(0.6):
        connection.cursor().execute("DO 1")
        time.sleep(0.3)
        with pytest.raises(DeadlineError, match=r"did not answer for 0\.[01]\d* s"):
            connection.cursor().execute("DO 2")


@pytest.mark.parametrize(
    ("seconds", "read_timeout", "suits_for"),
    [(10.0, None, SLACK), (10.0, 3.0, 7.0 + SLACK), (10.0, 20.0, SLACK), (0.02, None, 0.02), (None, 3.0, math.inf), (None, None, math.inf)],
)
def test_a_time_out_suits_until_its_limit_has_come_nearer(stream_and_peer, seconds, read_timeout, suits_for):
    stream, _ = stream_and_peer
    now = time.monotonic()
    stream.waiting.limit(seconds and deadlines.within(seconds, "own"))
    assert stream.keep_timeout(read_timeout) - now == pytest.approx(suits_for, abs=0.01)


@pytest.mark.parametrize("fetch", ["fetchone", "fetchmany", "fetchall"])
def test_rows_are_read_on_under_the_deadline_of_their_own_block(connect, fetch):
    """The statement was sent where there was none."""
    connection, server = connect(autocommit=False)
    server.will_answer(numbers(1)[:-1])
    cursor = connection.cursor(buffered=False)
    cursor.execute("SELECT n")
    assert cursor.fetchone() == (1,)
    with deadline(0.05), pytest.raises(DeadlineError):
        getattr(cursor, fetch)()


@pytest.mark.parametrize("fetch", ["fetchone", "fetchmany", "fetchall"])
def test_rows_are_not_ended_by_a_block_that_is_over(connect, fetch):
    """The statement was sent in it."""
    connection, server = connect(autocommit=False)
    go_on = threading.Event()
    server.will_answer(lambda channel: (channel.sendall(server.framed(numbers(1)[:3])), go_on.wait(), channel.sendall(rest)))
    rest = server.framed(numbers(1))[len(server.framed(numbers(1)[:3])) :]
    cursor = connection.cursor(buffered=False)
    with deadline(0.2):
        cursor.execute("SELECT n")
    time.sleep(0.25)
    threading.Timer(0.1, go_on.set).start()
    assert getattr(cursor, fetch)() in ((1,), [(1,)])


def test_past_the_deadline_nothing_is_sent_and_the_connection_stays(connect):
    connection, server = connect(autocommit=False)
    with deadline(0.01):
        time.sleep(0.02)
        with pytest.raises(DeadlineError, match="was not sent"):
            connection.cursor().execute("INSERT INTO t VALUES (1)")
    assert server.statements == []
    server.will_answer([ok(status=AUTOCOMMIT)])
    connection.cursor().execute("DO 1")
    assert server.statements == [b"DO 1"]


@pytest.mark.parametrize("asks", [False, True])
def test_a_rollback_still_has_most_of_the_margin(connect, invocation, asks):
    connection, server = connect(autocommit=False)
    connection.pressure = Pressure("automatic") if asks else None
    connection._commands.stream.waiting.margin = 2.0
    server.will_answer([ok(status=IN_TRANSACTION)])
    connection.cursor().execute("INSERT INTO t VALUES (1)")
    invocation(8)
    end = time.monotonic() + 1.5  # within the margin, before what is left for tidying up
    deadlines._invocation.at, deadlines._invocation.began = end, end - 8
    deadlines._invocation._limits.clear()
    with pytest.raises(DeadlineError, match="was not sent"):
        connection.cursor().execute("INSERT INTO t VALUES (2)")
    server.will_answer([ok(status=0)], *([numbers(100, status=0), numbers(5, status=0)] if asks else []))
    connection.rollback()
    assert b"ROLLBACK" in server.statements
    assert not connection.closed


def dripping(theirs, piece, pause, stop):
    while not stop.is_set():
        try:
            theirs.sendall(piece)
        except OSError:
            return
        stop.wait(pause)


def test_a_drip_of_bytes_ends_at_the_limit(pair):
    """Each byte comes within any time-out of a single read; the answer never ends."""
    ours, theirs = pair()
    stream = PacketStream(ours, "db.test", 3306)
    stop = threading.Event()
    theirs.sendall(b"\xff\xff\x00\x00")
    thread = threading.Thread(target=dripping, args=(theirs, b"x", 0.01, stop))
    thread.start()
    try:
        with deadline(0.15), pytest.raises(DeadlineError):
            stream.waiting.begin()
            stream.receive()
    finally:
        stop.set()
        stream.close()
        thread.join()


def test_a_peer_that_takes_a_little_at_a_time_ends_at_the_limit(pair):
    ours, theirs = pair()
    stream = PacketStream(ours, "db.test", 3306)
    stop = threading.Event()

    def sip():
        while not stop.is_set() and theirs.recv(1000):
            stop.wait(0.01)

    thread = threading.Thread(target=sip)
    thread.start()
    try:
        with deadline(0.15), pytest.raises(DeadlineError):
            stream.waiting.begin()
            stream.send(b"x" * 8_000_000)
    finally:
        stop.set()
        stream.close()
        theirs.close()
        thread.join()


def test_most_commands_set_no_time_out_of_the_socket(connect, monkeypatch):
    """It is a system call; within the slack of a limit it is left out."""
    connection, server = connect(autocommit=False)
    calls = []
    stream = connection._commands.stream
    real = stream.socket

    class Counting:
        def __getattr__(self, name):
            return getattr(real, name)

        def settimeout(self, seconds):
            calls.append(seconds)
            real.settimeout(seconds)

    stream.socket = Counting()
    with deadline(60):
        for _ in range(5):
            server.will_answer([ok(status=AUTOCOMMIT)])
            connection.cursor().execute("DO 1")
    stream.socket = real
    assert 1 <= len(calls) <= 2


# -- what a lost answer means ------------------------------------------------------------------------------------------------------------


def test_a_commit_without_an_answer_has_an_unknown_outcome(connect):
    connection, server = connect(autocommit=False)
    server.will_answer([ok(status=IN_TRANSACTION)])
    connection.cursor().execute("INSERT INTO t VALUES (1)")
    server.will_answer(silence)
    with deadline(0.05), pytest.raises(OutcomeUnknownError, match="outcome is unknown"):
        connection.commit()
    assert connection.closed
    assert server.statements[-1] == b"COMMIT"


def test_a_loss_before_the_commit_is_sent_is_known(connect):
    connection, server = connect(autocommit=False)
    server.will_answer([ok(status=IN_TRANSACTION)])
    connection.cursor().execute("INSERT INTO t VALUES (1)")
    server.close()
    with pytest.raises(Exception, match="before the statement was sent") as caught:
        connection.commit()
    assert not isinstance(caught.value, OutcomeUnknownError)


@pytest.mark.parametrize(
    ("statement", "autocommit", "unknown"),
    [
        ("INSERT INTO t VALUES (1)", True, True),
        ("INSERT INTO t VALUES (1)", False, False),
        ("SELECT 1", True, False),
        ("SELECT 1", False, False),
        ("ALTER TABLE t ADD c INT", False, True),
        ("COMMIT", False, True),
        ("CALL p()", False, True),
        ("SAVEPOINT a", False, False),
    ],
)
def test_whether_the_outcome_of_a_lost_statement_is_known(connect, statement, autocommit, unknown):
    connection, server = connect(autocommit=autocommit)
    server.will_answer(silence)
    with deadline(0.05), pytest.raises(Exception, match=r".") as caught:
        connection.cursor().execute(statement)
    assert isinstance(caught.value, OutcomeUnknownError) is unknown
    assert connection.closed


@pytest.mark.parametrize("statement", ["BEGIN", "SET NAMES utf8mb4", "SET SESSION autocommit = 1"])
@pytest.mark.parametrize(("open_before", "unknown"), [(False, False), (True, True)])
def test_what_only_ends_a_transaction_has_a_known_outcome_where_none_was_open(connect, statement, open_before, unknown):
    connection, server = connect(autocommit=False)
    if open_before:
        server.will_answer([ok(status=IN_TRANSACTION)])
        connection.cursor().execute("UPDATE t SET a = 1")
    server.will_answer(silence)
    with deadline(0.05), pytest.raises(DeadlineError if not unknown or "NAMES" in statement else OutcomeUnknownError):
        connection.cursor().execute(statement)


@pytest.mark.parametrize(
    ("statement", "unknown"), [("INSERT INTO t VALUES (1) RETURNING a", True), ("CALL p()", True), ("SELECT a", False)]
)
@pytest.mark.parametrize("broken", ["rows", "results"])
def test_whether_the_outcome_is_known_where_the_answer_breaks_off(connect, statement, unknown, broken):
    """The rows of a statement that is committed by itself, or a procedure's second result."""
    connection, server = connect(autocommit=True)
    whole = numbers(1, status=AUTOCOMMIT | MORE_RESULTS if broken == "results" else AUTOCOMMIT)
    server.will_answer(whole if broken == "results" else whole[:-1])
    with deadline(0.1), pytest.raises(DeadlineError if not unknown else OutcomeUnknownError):
        connection.cursor().execute(statement)
    assert connection.closed


@pytest.mark.parametrize(("statement", "ended"), [("SELECT 1", True), ("UPDATE t SET a = 1", True), ("COMMIT", False)])
def test_a_statement_that_is_given_up_is_ended_on_the_server(connect, statement, ended):
    connection, server = connect(autocommit=False)
    calls = []

    def end(sent, connection_id):
        calls.append((sent, connection_id))
        return "It was ended."

    connection._commands.end_session = lambda sent: end(sent, 4711)
    server.will_answer(silence)
    with deadline(0.05), pytest.raises(Exception, match=r".") as caught:
        connection.cursor().execute(statement)
    assert calls == ([(statement.encode(), 4711)] if ended else [])
    assert ("It was ended." in getattr(caught.value, "__notes__", ())) is ended


# -- the socket's time-out, whatever changes the limits ---------------------------------------------------------------------------------


class Answering(socket.socket):
    """A socket that takes each command, answers it with OK, and notes the time-out that its answer would have."""

    timeout = None

    def send(self, data, flags=0):
        return len(data)

    def recv(self, size, flags=0):
        self.timeout = self.gettimeout()
        return packets([ok()])


CHANGES = st.sampled_from(["nothing", "other thread's block", "end invocation", "leave", "no own", "no read_timeout"]) | st.tuples(
    st.sampled_from(["invocation", "enter", "own", "read_timeout"]), st.sampled_from([50.0, 100.0, 100.02, 400.0])
)
COMMANDS = st.permutations(["query", "reset", "query with a time-out"])
STEPS = st.lists(st.tuples(CHANGES, COMMANDS), min_size=1, max_size=6).map(
    lambda found: [one for change, three in found for one in (change, *three)]
)


@settings(max_examples=300)
@given(steps=STEPS, in_c=st.booleans())
def test_no_answer_is_waited_for_beyond_its_limit(steps, in_c):
    ours, theirs = socket.socketpair()
    with theirs, pytest.MonkeyPatch.context() as patched, contextlib.ExitStack() as blocks:
        patched.setattr(deadlines, "_blocks", 0)  # a test before can have left one open
        deadlines.end_invocation()
        patched.setattr(compiled, "in_c", _compiled if in_c else None)
        connected = Answering(fileno=ours.detach())
        commands = CommandPhase(PacketStream(connected, "db.test", 3306), AUTOCOMMIT)
        blocks.callback(commands.abandon)
        blocks.callback(deadlines.end_invocation)
        own, inner = None, []
        for step in steps:
            name, seconds = (step, 0.0) if isinstance(step, str) else step
            if name == "invocation":
                deadlines.begin_invocation(time.time() + seconds)
                inner.clear()
            elif name == "end invocation":
                deadlines.end_invocation()
            elif name == "enter":
                inner.append(blocks.enter_context(contextlib.ExitStack()))
                inner[-1].enter_context(deadline(seconds))
            elif name == "leave" and inner:
                inner.pop().close()
            elif name == "other thread's block":
                thread = threading.Thread(target=lambda: deadline(1).__enter__())
                thread.start()
                thread.join()
            elif name in ("own", "no own"):
                own = deadlines.within(seconds, "own") if seconds else None
                commands.limit(own)
            elif name.endswith("read_timeout"):
                commands.read_timeout = seconds or None
            elif name.startswith(("query", "reset")):
                given_ = 70.0 if name == "query with a time-out" else None
                commands.reset() if name == "reset" else commands.query(b"DO 1", given_)
                part = deadlines.CLEANING if name == "reset" else 1.0
                limit = own or deadlines.nearest(deadlines.MARGIN, part)
                read_timeout = given_ or commands.read_timeout
                longest = min(
                    (seconds for seconds in (limit and limit.left() + SLACK + 0.02, read_timeout) if seconds is not None), default=None
                )
                if longest is None:
                    assert connected.timeout is None, step
                else:
                    earlier = deadlines.MARGIN if name == "reset" else 0.0  # it wakes with the statement before, and waits on
                    assert longest - earlier - 2 * SLACK - 0.5 <= connected.timeout <= longest, step


def test_an_invocation_that_begins_while_limits_are_looked_at_counts_for_the_next_command(invocation, monkeypatch):
    """In another thread, which begins its invocation in the middle."""
    monkeypatch.setattr(deadlines, "_blocks", 0)
    monkeypatch.setattr(compiled, "in_c", _compiled)
    deadlines.end_invocation()
    ours, theirs = socket.socketpair()
    connected = Answering(fileno=ours.detach())
    commands = CommandPhase(PacketStream(connected, "db.test", 3306), AUTOCOMMIT)
    real = deadlines.nearest
    monkeypatch.setattr(deadlines, "nearest", lambda *given_: (real(*given_), invocation(100))[0])
    commands.query(b"DO 1")
    assert connected.timeout is None
    monkeypatch.setattr(deadlines, "nearest", real)
    commands.query(b"DO 1")
    assert connected.timeout == pytest.approx(100, abs=2)
    commands.abandon()
    theirs.close()
