"""The exchange of a command in C beside the one in Python: the same answers, the same errors, and nothing kept or lost."""

from __future__ import annotations

import gc
import math
import socket
import threading
import time
import weakref
from contextlib import suppress

import pytest
from fake_server import AUTOCOMMIT, LONGLONG, MORE_RESULTS, column, end, ended_by_ok, ok, packets, refusal, result, row
from hypothesis import given
from hypothesis import strategies as st
from mysql.connector.errors import Error, OperationalError
from rdspool import OutcomeUnknownError, StatementTimeoutError
from rdspool._driver import _compiled, compiled, rows
from rdspool._driver.command_phase import CommandPhase
from rdspool._driver.connection_state import STATE_CHANGED
from rdspool._driver.packets import PacketStream
from rdspool._driver.responses import Ok
from rdspool._driver.statements import whole

PING = b"\x0e"
NOT_ANSWERED = (ok(300), ok(1, 251), ok(status=AUTOCOMMIT | MORE_RESULTS), refusal(), b"", b"\0" * 6, end(), b"\x02", b"\xfb/etc/passwd")
"""Payloads that an answer may begin with, and that are left to Python."""
LIMITS = object()


QUIET, _PEER = socket.socketpair()
LOUD, _TALKING = socket.socketpair()
_TALKING.sendall(b"bye")


def ready_for(exchange=None, *, connected=QUIET, send=len, receive=bytes, most=9, ok_ends_rows=True):
    """Return an exchange that is ready for commands."""
    exchange = exchange or _compiled.Exchange()
    exchange.ready = connected.fileno(), send, receive, most, ok_ends_rows
    exchange.status, exchange.status_known, exchange.commands = AUTOCOMMIT, False, 6
    exchange._answering, exchange._sent, exchange._sent_whole = False, None, False
    exchange._limits, exchange._part, exchange._until = LIMITS, 1.0, math.inf
    return exchange


def exchanged(*, payload=PING, known=None, **calls):
    return ready_for(**calls)._usual(payload, known, LIMITS, 1.0)


def answer(known, came):
    """Return what is read of an answer; None where it is left."""
    found = exchanged(receive=lambda _: came, known=known)
    return None if found is came else found


def state(exchange):
    names = "commands", "status", "status_known", "_answering", "_sent", "_sent_whole"
    return (*(getattr(exchange, name) for name in names), exchange.ready is not None)


READY = 6, AUTOCOMMIT, False, False, None, False, True
ANSWERING = 7, AUTOCOMMIT, False, True, (PING, AUTOCOMMIT, False)
"""While an answer is read; then whether the command was sent whole, and whether the next one can be exchanged so."""


def test_an_exchange_sends_and_receives():
    steps = []
    exchange = ready_for(
        send=lambda packet: (steps.append(("send", packet)), len(packet))[1],
        receive=lambda most: (steps.append(("receive", most)), packets([ok(1, 2, status=AUTOCOMMIT | 1, warnings=3)]))[1],
    )
    before = time.time()
    assert exchange._usual(PING, None, LIMITS, 1.0) == (1, 2, AUTOCOMMIT | 1, 3)
    assert steps == [("send", b"\x01\0\0\0\x0e"), ("receive", 9)]
    assert state(exchange) == (7, AUTOCOMMIT | 1, True, False, None, True, True)
    assert before <= exchange.last_used <= time.time()


@pytest.mark.parametrize("size", [0, 1, 255, 256, 8192])
def test_the_packet_of_a_command_has_its_size_and_the_number_0(size):
    sent = []
    exchanged(send=lambda packet: (sent.append(packet), len(packet))[1], payload=b"x" * size)
    assert sent == [size.to_bytes(3, "little") + b"\0" + b"x" * size]


def test_a_large_command_is_left_for_a_socket_can_let_it_wait():
    exchange = ready_for(send=None)
    assert exchange._usual(b"x" * 8193, None, LIMITS, 1.0) is None
    assert state(exchange) == READY


@pytest.mark.parametrize("name", ["ready", "status", "status_known", "commands", "_answering", "_sent", "_sent_whole", "_limits"])
def test_nothing_is_done_where_something_is_missing(name):
    exchange = ready_for(send=None)
    delattr(exchange, name)
    assert exchange._usual(PING, None, LIMITS, 1.0) is None


@pytest.mark.parametrize(("name", "value"), [("ready", None), ("_answering", True)])
def test_nothing_is_done_while_an_answer_is_read_in_python(name, value):
    exchange = ready_for(send=None)
    setattr(exchange, name, value)
    assert exchange._usual(PING, None, LIMITS, 1.0) is None
    assert exchange.commands == 6


@pytest.mark.parametrize(
    ("limits", "part", "until", "done"),
    [
        (LIMITS, 1.0, math.inf, True),
        (LIMITS, 0.2, math.inf, True),  # its limit is later: it wakes early, and waits on
        (LIMITS, 1.1, math.inf, False),
        (object(), 1.0, math.inf, False),
        (LIMITS, 1.0, 0.0, False),
        (LIMITS, 1.0, 100.0, True),
    ],
)
def test_nothing_is_done_where_the_time_out_does_not_suit(limits, part, until, done):
    exchange = ready_for()
    exchange._until = until and time.monotonic() + until
    assert (exchange._usual(PING, None, limits, part) is None) is not done
    if until == 100.0:
        assert time.monotonic() - 60 < exchange._began <= time.monotonic()


def test_limits_that_are_asked_each_time_suit_nothing():
    exchange = ready_for()
    exchange._limits = None
    assert exchange._usual(PING, None, None, 1.0) is None


@pytest.mark.parametrize("closed", [False, True])
def test_nothing_is_sent_where_something_came_before(closed):
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close() if closed else theirs.sendall(b"bye")
        exchange = ready_for(connected=ours, send=None, receive=None)
        assert not exchange.quiet()
        assert exchange._usual(PING, None, LIMITS, 1.0) is None
    theirs.close()
    assert state(exchange) == (*READY[:-1], False)


def test_it_is_quiet_where_nothing_has_come():
    exchange = ready_for()
    assert exchange.quiet() is True
    exchange.ready = None
    assert exchange.quiet() is False
    del exchange.ready
    assert exchange.quiet() is False
    exchange.ready = "3", None
    with pytest.raises(TypeError):
        exchange.quiet()


def test_a_descriptor_that_is_closed_is_not_quiet():
    ours, theirs = socket.socketpair()
    exchange = ready_for(connected=ours)
    ours.close()
    theirs.close()
    assert exchange.quiet() is False


@pytest.mark.parametrize("sent", [0, 1, 4, 6])
def test_a_command_that_was_not_sent_whole_waits_for_no_answer(sent):
    exchange = ready_for(send=lambda _: sent, receive=None)
    assert exchange._usual(PING, None, LIMITS, 1.0) == sent
    assert state(exchange) == (*ANSWERING, False, False)


@pytest.mark.parametrize("error", [OSError(110, "late"), TimeoutError(), KeyboardInterrupt(), ValueError()])
@pytest.mark.parametrize("step", ["send", "receive"])
def test_an_error_shows_whether_the_command_was_sent(step, error):
    def fails(_):
        raise error

    exchange = ready_for(**{step: fails})
    exchange._sent_whole = True
    assert exchange._usual(PING, None, LIMITS, 1.0) is error
    assert error.__traceback__ is not None
    assert exchange._sent_whole is (step == "receive")
    assert exchange.ready is None


@pytest.mark.parametrize("came", [b"", b"\x01", packets([refusal()]), packets([ok(status=AUTOCOMMIT | STATE_CHANGED)])])
def test_an_answer_that_is_left_is_still_to_be_read(came):
    exchange = ready_for(receive=lambda _: came)
    assert exchange._usual(PING, None, LIMITS, 1.0) is came
    assert state(exchange) == (*ANSWERING, True, False)


def test_rows_of_an_old_server_are_left():
    came = packets(ended_by_ok(result(COLUMNS, [])))
    known = b"ti", (None, None), packets([b"\x02", *COLUMNS]), 4
    assert exchanged(receive=lambda _: came, known=known, ok_ends_rows=True) == ([], AUTOCOMMIT, 0)
    assert exchanged(receive=lambda _: came, known=known, ok_ends_rows=False) is came


@pytest.mark.parametrize(
    "call",
    [
        lambda: ready_for()._usual(PING, None, LIMITS),
        lambda: ready_for()._usual(PING, None, LIMITS, "1"),
        lambda: exchanged(payload="text"),
        lambda: exchanged(payload=bytearray(b"x")),
        lambda: ready_for().__setattr__("_until", "1"),
        lambda: answer(None, bytearray(20)),
        lambda: answer([], b"x" * 20),
        lambda: answer((b"", ()), b"x" * 20),
        lambda: answer((b"t", (), b"", 1), b"x" * 20),
        lambda: answer((b"t", (None,), "", 1), b"x" * 20),
        lambda: answer((b"t", (None,), b"", None), b"x" * 20),
    ],
)
def test_wrong_arguments_are_refused(call):
    with pytest.raises((TypeError, ValueError, OverflowError, SystemError, IndexError)):
        call()


@pytest.mark.parametrize(
    ("calls", "error"),
    [
        ({"send": lambda _: "5"}, TypeError),
        ({"send": lambda _: 1 << 70}, OverflowError),
        ({"send": 5}, TypeError),
        ({"receive": 5}, TypeError),
    ],
)
def test_calls_that_do_what_none_does_are_errors(calls, error):
    assert type(exchanged(**calls)) is error


@pytest.mark.parametrize("ready", [5, (), (QUIET.fileno(), len, bytes, 9), ("3", len, bytes, 9, True)])
def test_calls_that_are_missing_are_refused(ready):
    exchange = ready_for()
    exchange.ready = ready
    with pytest.raises((IndexError, SystemError, TypeError)):
        exchange._usual(PING, None, LIMITS, 1.0)


def test_a_number_of_commands_that_is_none_is_refused():
    exchange = ready_for()
    exchange.commands = "6"
    with pytest.raises(TypeError):
        exchange._usual(PING, None, LIMITS, 1.0)


@pytest.mark.parametrize("payload", [ok(), ok(250, 250, status=0xBFF7, warnings=65_535), ok() + b"Rows matched: 1", ok() + b"x" * 70_000])
def test_an_ok_packet_is_read(payload):
    assert answer(None, packets([payload])) == (
        payload[1],
        payload[2],
        int.from_bytes(payload[3:5], "little"),
        int.from_bytes(payload[5:7], "little"),
    )


@pytest.mark.parametrize("payload", NOT_ANSWERED)
def test_another_answer_is_left(payload):
    for came in (packets([payload]), packets([payload, ok()]), packets([payload])[:-1]):
        assert answer(None, came) is None


def test_an_ok_packet_that_is_not_the_whole_answer_is_left():
    sent = packets([ok()])
    for came in [sent[:size] for size in range(len(sent))] + [sent + b"\0", packets([ok()], 0), packets([ok()], 2), packets([ok(), ok()])]:
        assert answer(None, came) is None


def test_an_exchange_that_refers_to_itself_is_freed():
    class Kept(_compiled.Exchange):
        pass

    exchange = ready_for(Kept())
    exchange.ready = QUIET.fileno(), exchange.__setattr__, exchange, 9, True
    freed = weakref.ref(exchange)
    del exchange
    gc.collect()
    assert freed() is None


# -- against the path in Python ---------------------------------------------------------------------------------------------------

COLUMNS = [column("a"), column("b", LONGLONG)]
VALUES = st.none() | st.binary(max_size=4) | st.sampled_from([b"1", b"x" * 250, b"x" * 300])
RESULTS = st.lists(st.tuples(VALUES, VALUES), max_size=5).map(
    lambda found: ended_by_ok(result(COLUMNS, [row(*values) for values in found]))
)
ANSWERS = (
    RESULTS
    | st.builds(
        lambda *numbers: [ok(*numbers[:2], status=numbers[2], warnings=numbers[3])], *[st.sampled_from([0, 1, 250, 251, 65_535])] * 4
    )
    | st.sampled_from([[payload] for payload in NOT_ANSWERED])
)


class Pieces(socket.socket):
    """A socket that takes and gives bytes in pieces of given sizes."""

    sizes = iter(())

    def send(self, data, flags=0):
        return super().send(data[: next(self.sizes, len(data))], flags)

    def recv(self, size, flags=0):
        return super().recv(min(size, next(self.sizes, size)), flags)


def outcome(sent, sizes, *, in_c, statements=2):
    """Return what follows from bytes that come for a statement whose columns are known: answers or errors, and the state behind them."""
    ours, theirs = socket.socketpair()
    with theirs, pytest.MonkeyPatch.context() as patched:
        if not in_c:
            patched.setattr(compiled, "in_c", None)
        connected = Pieces(fileno=ours.detach())
        stream = PacketStream(connected, "db.test", 3306)
        stream.ok_ends_rows = True
        commands = CommandPhase(stream, AUTOCOMMIT)
        template = whole("SELECT a, b FROM t")
        template.result_set = None
        theirs.sendall(packets(ended_by_ok(result(COLUMNS, []))))
        real = stream.calls
        stream._poll = lambda _: []  # the bytes of the answer lie there already
        stream.calls = lambda: (QUIET.fileno(), *real()[1:]) if real() else None
        commands.query(b"SELECT", None, None, template)
        commands.rows(None)
        theirs.sendall(sent)
        theirs.shutdown(socket.SHUT_WR)
        connected.sizes = iter(sizes)
        found = []
        try:
            for _ in range(statements):
                answer = commands.query(b"SELECT", None, None, template, True)
                if type(answer) is not Ok and type(answer) is not tuple:
                    read, warnings = commands.rows(None, None, answer.convert)
                    rows.read(read, answer.columns, answer.convert)
                    answer = [column.name for column in answer.columns], read, warnings
                elif type(answer) is tuple:
                    answer = [column.name for column in answer[0].columns], answer[1], answer[2]
                found.append((answer, commands.status, commands.status_known, commands._sent))
        except Error as error:
            found.append((type(error), str(error), commands.closed, commands.status))
        commands.abandon()
        return repr(found)


@given(
    answers=st.lists(ANSWERS, min_size=1, max_size=2),
    sizes=st.lists(st.integers(1, 60), max_size=6),
    flips=st.lists(st.integers(0, 10_000), max_size=2),
)
def test_answers_are_the_same_in_c_and_in_python(answers, sizes, flips):
    """However the bytes come and go, and whatever is wrong with them."""
    sent = bytearray(b"".join(packets(answer) for answer in answers))
    for flip in flips:
        sent[flip // 8 % len(sent)] ^= 1 << flip % 8
    assert outcome(sent, sizes, in_c=True) == outcome(sent, sizes, in_c=False)


def test_a_usual_answer_is_read_in_c(pair, monkeypatch):
    """The two ways differ in nothing but this: the one in C does not call receive()."""
    ours, theirs = pair()
    stream = PacketStream(ours, "db.test", 3306)
    monkeypatch.setattr(PacketStream, "receive", lambda *_: pytest.fail("the answer was read in Python"))
    threading.Thread(target=lambda: (theirs.recv(99), theirs.sendall(packets([ok(7)]))), daemon=True).start()
    assert CommandPhase(stream, AUTOCOMMIT).query(b"DO 1").affected_rows == 7


@pytest.mark.parametrize("size", [10, 9000])
def test_a_time_out_says_that_the_command_was_sent(stream_and_peer, size):
    commands = CommandPhase(stream_and_peer[0], AUTOCOMMIT)
    with pytest.raises(OutcomeUnknownError) as caught:
        commands.query(b"UPDATE t SET a = 1 -- " + b"x" * size, 0.05, 0.05)
    assert type(caught.value.__cause__) is StatementTimeoutError


@pytest.mark.parametrize("size", [10, 9000])
def test_a_peer_that_has_gone_says_that_it_was_not(stream_and_peer, size):
    stream, peer = stream_and_peer
    peer.close()
    with pytest.raises(OperationalError, match="closed the connection before the statement was sent"):
        CommandPhase(stream, AUTOCOMMIT).query(b"UPDATE t SET a = 1 -- " + b"x" * size)


def test_no_object_is_kept(objects_kept):
    """Each way through the code leaves as many objects as there were."""

    def fails(_):
        raise OSError

    known = b"ti", (None, None), packets([b"\x02", *COLUMNS]), 4
    came = [packets(ended_by_ok(result(COLUMNS, [row(b"x", value)] * 3))) for value in (b"1", b"+1")]
    came += [packets([payload]) for payload in (ok(), ok(status=STATE_CHANGED), *NOT_ANSWERED)]

    def once():
        for bytes_ in came:
            answer(None, bytes_)
            answer(known, bytes_)
        exchanged()
        exchanged(connected=LOUD)
        exchanged(send=lambda _: 2)
        for step in ("send", "receive"):
            exchanged(**{step: fails})
        with suppress(IndexError):
            exchanged(receive=lambda _: b"x" * 20, known=(b"", ()))

    assert answer(known, came[0]) == ([("x", 1)] * 3, AUTOCOMMIT, 0)
    assert objects_kept(once, 200) < 100
