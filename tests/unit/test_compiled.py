"""The exchange of a command in C beside the one in Python: the same answers, the same errors, and nothing kept or lost."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress

import pytest
from fake_server import AUTOCOMMIT, LONGLONG, MORE_RESULTS, column, end, ended_by_ok, ok, packets, refusal, result, row
from hypothesis import given
from hypothesis import strategies as st
from mysql.connector.errors import Error, OperationalError
from rdspool import StatementTimeoutError
from rdspool._driver import _compiled, compiled, rows
from rdspool._driver.command_phase import CommandPhase
from rdspool._driver.packets import PacketStream
from rdspool._driver.responses import Ok
from rdspool._driver.statements import whole

PING = b"\x0e"
NOT_ANSWERED = (ok(300), ok(1, 251), ok(status=AUTOCOMMIT | MORE_RESULTS), refusal(), b"", b"\0" * 6, end(), b"\x02", b"\xfb/etc/passwd")
"""Payloads that an answer may begin with, and that are left to Python."""


def nothing(_):
    return []


def exchanged(*, poll=nothing, send=len, receive=bytes, most=9, payload=PING):
    return _compiled.exchange(poll, send, receive, most, payload)


def test_an_exchange_asks_sends_and_receives():
    steps = []
    came = exchanged(
        poll=lambda time: steps.append(("poll", time)),
        send=lambda packet: (steps.append(("send", packet)), len(packet))[1],
        receive=lambda most: (steps.append(("receive", most)), b"answer")[1],
    )
    assert (came, steps) == (b"answer", [("poll", 0), ("send", b"\x01\0\0\0\x0e"), ("receive", 9)])


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65_535, 65_536, (1 << 24) - 2])
def test_the_packet_of_a_command_has_its_size_and_the_number_0(size):
    sent = []
    exchanged(send=lambda packet: (sent.append(packet), len(packet))[1], payload=b"x" * size)
    assert sent == [size.to_bytes(3, "little") + b"\0" + b"x" * size]


def test_nothing_is_sent_where_something_came_before():
    assert exchanged(poll=lambda _: [(3, select.POLLIN)], send=None, receive=None) is None


@pytest.mark.parametrize("sent", [0, 1, 4, 6])
def test_a_command_that_was_not_sent_whole_waits_for_no_answer(sent):
    assert exchanged(send=lambda _: sent, receive=None) == sent


@pytest.mark.parametrize("error", [OSError(110, "late"), TimeoutError(), KeyboardInterrupt(), ValueError()])
def test_an_error_shows_whether_the_command_was_sent(error):
    def fails(_):
        raise error

    for step in ("poll", "send"):
        with pytest.raises(type(error)) as caught:
            exchanged(**{step: fails})
        assert caught.value is error
    assert exchanged(receive=fails) is error
    assert error.__traceback__ is not None


@pytest.mark.parametrize(
    "call",
    [
        lambda: _compiled.exchange(nothing, len, bytes, 9),
        lambda: exchanged(payload="text"),
        lambda: exchanged(payload=bytearray(b"x")),
        lambda: exchanged(payload=b"x" * ((1 << 24) - 1)),
        lambda: exchanged(send=lambda _: "5"),
        lambda: exchanged(send=lambda _: 1 << 70),
        lambda: exchanged(send=5),
        lambda: exchanged(poll=5),
        lambda: _compiled.answer(None),
        lambda: _compiled.answer(None, bytearray(20)),
        lambda: _compiled.answer([], b"x" * 20),
        lambda: _compiled.answer((b"", ()), b"x" * 20),
        lambda: _compiled.answer((b"t", (), b"", 1), b"x" * 20),
        lambda: _compiled.answer((b"t", (None,), "", 1), b"x" * 20),
        lambda: _compiled.answer((b"t", (None,), b"", None), b"x" * 20),
    ],
)
def test_wrong_arguments_are_refused(call):
    with pytest.raises((TypeError, ValueError, OverflowError, SystemError, IndexError)):
        call()


@pytest.mark.parametrize("payload", [ok(), ok(250, 250, status=0xFFF7, warnings=65_535), ok() + b"Rows matched: 1", ok() + b"x" * 70_000])
def test_an_ok_packet_is_read(payload):
    assert _compiled.answer(None, packets([payload])) == (
        payload[1],
        payload[2],
        int.from_bytes(payload[3:5], "little"),
        int.from_bytes(payload[5:7], "little"),
    )


@pytest.mark.parametrize("payload", NOT_ANSWERED)
def test_another_answer_is_left(payload):
    for came in (packets([payload]), packets([payload, ok()]), packets([payload])[:-1]):
        assert _compiled.answer(None, came) is None


def test_an_ok_packet_that_is_not_the_whole_answer_is_left():
    sent = packets([ok()])
    for came in [sent[:size] for size in range(len(sent))] + [sent + b"\0", packets([ok()], 0), packets([ok()], 2), packets([ok(), ok()])]:
        assert _compiled.answer(None, came) is None


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
        stream._poll = lambda _: []  # the bytes of the answer lie there already
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


def test_a_large_command_has_its_time_for_each_wait(stream_and_peer, monkeypatch):
    """A socket can let a large one wait while it is sent, so that its answer would have less than its time: that is sent in Python."""
    stream, peer = stream_and_peer
    used = []
    monkeypatch.setattr(compiled, "in_c", type("C", (), {"exchange": lambda *given: used.append(given), "answer": None}))
    peer.close()
    with pytest.raises(Error):
        stream.exchange(b"x" * 9000)
    assert not used


@pytest.mark.parametrize("size", [10, 9000])
def test_a_time_out_says_that_the_command_was_sent(stream_and_peer, size):
    stream, _ = stream_and_peer
    with pytest.raises(StatementTimeoutError):
        if stream.exchange(b"x" * size, 0.05, 0.05) is None:
            assert stream.sent
            stream.receive(0.05)
    assert stream.sent


@pytest.mark.parametrize("size", [10, 9000])
def test_a_peer_that_has_gone_says_that_it_was_not(stream_and_peer, size):
    stream, peer = stream_and_peer
    peer.close()
    with pytest.raises(OperationalError, match="closed the connection before the statement was sent"):
        stream.exchange(b"x" * size)
    assert not stream.sent


def test_no_object_is_kept(objects_kept):
    """Each way through the code leaves as many objects as there were."""

    def fails(_):
        raise OSError

    known = b"ti", (None, None), packets([b"\x02", *COLUMNS]), 4
    came = [packets(ended_by_ok(result(COLUMNS, [row(b"x", value)] * 3))) for value in (b"1", b"+1")]
    came += [packets([payload]) for payload in (ok(), *NOT_ANSWERED)]

    def once():
        for bytes_ in came:
            _compiled.answer(None, bytes_)
            _compiled.answer(known, bytes_)
        exchanged()
        exchanged(poll=lambda _: [1])
        exchanged(send=lambda _: 2)
        exchanged(receive=fails)
        for step in ("poll", "send"):
            with suppress(OSError):
                exchanged(**{step: fails})

    assert _compiled.answer(known, came[0]) == ([("x", 1)] * 3, AUTOCOMMIT, 0)
    assert objects_kept(once, 200) < 100
