"""What a server sends, damaged in every way, ends in a value or in an error of PEP 249, and never in another statement's answer.

STREAMS_SEED and STREAMS_COUNT choose other damage and more of it; the seed is printed, and stands in the text of a failure.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from itertools import repeat
from pathlib import Path

import pytest
from fake_server import AUTOCOMMIT, MORE_RESULTS, numbers, ok, packets
from mysql.connector.errors import OperationalError
from rdspool import ProtocolError
from rdspool._driver import compiled
from server_streams import CURSORS, FILE, FRESH, Damaged, Recorded, cut, recorded, replay

pytestmark = pytest.mark.usefixtures("each_decoder")

ROOT = Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("STREAMS_SEED", "2611"))
COUNT = int(os.environ.get("STREAMS_COUNT", "6000"))
HANGS_AFTER = 240
"""Seconds: a bound for a replay that never ends, not a measure."""

STREAMS = recorded()
COMMANDS = [stream for stream in STREAMS if stream.greeting is None]
BY_NAME = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)


def outcome(stream, sent, **options):
    """Return how a replay ended, in a form that can be compared."""
    found = replay(stream, Damaged(sent), **options)
    return repr(found.values), repr(found.error), found.closed, found.after


def whole(stream):
    return (stream.greeting or b"") + stream.answer


@BY_NAME
def test_a_recorded_stream_is_read_to_its_end(stream):
    """A stream without damage ends in values or in the server's refusal, and the connection stays usable."""
    for cursor in [kind for kind in CURSORS if "use" not in kind]:
        found = replay(stream, Damaged(whole(stream)), cursor=cursor)
        refused = any(word in stream.name for word in ("error", "duplicate", "refused", "fails"))
        assert (found.error is not None) is refused, found.error
        assert found.after == (FRESH if stream.greeting is None else None)


@BY_NAME
def test_any_pieces_of_a_stream_give_the_same(stream):
    expected = outcome(stream, whole(stream))
    generator = random.Random(SEED)
    most = len(stream.answer)
    for sizes in (repeat(1) if most < 3000 else repeat(7), repeat(3), repeat(5), iter(lambda: generator.choice([1, 2, 4, 5, 9, 300]), 0)):
        assert outcome(stream, whole(stream), sizes=sizes) == expected


@pytest.mark.parametrize("stream", [stream for stream in STREAMS if len(stream.answer) < 600], ids=lambda stream: stream.name)
def test_a_stream_that_is_cut_anywhere_is_a_lost_connection(stream):
    sent = whole(stream)
    for size in range(len(sent)):
        found = replay(stream, Damaged(sent[:size]))
        assert isinstance(found.error, OperationalError), f"cut at {size}: {found}"
        assert found.error.errno == 2013
        assert found.closed


@pytest.mark.parametrize("stream", COMMANDS, ids=lambda stream: stream.name)
def test_an_answer_too_many_closes_the_connection(stream):
    for surplus in (packets([ok(5)]), packets([ok(5)], first=len(cut(stream.answer)) + 1), stream.answer, b"\0", b"\xff\xff\xff\xff"):
        found = replay(stream, Damaged(stream.answer + surplus))
        assert found.after is None
        assert found.closed


@pytest.mark.parametrize("before", [[], numbers(1)[:1], numbers(1)[:2], numbers(1)[:4]], ids=["answer", "column", "end of columns", "rows"])
def test_packets_without_end_are_refused(before):
    query = Recorded("", "SELECT 1", None, "", b"")
    found = replay(query, Damaged(packets(before), endless=1 + len(before)))
    assert isinstance(found.error, ProtocolError)
    assert "max_allowed_packet" in str(found.error)
    assert found.closed


def test_a_server_that_promises_more_and_closes_is_a_lost_connection():
    query = Recorded("", "SELECT 1", None, "", b"")
    found = replay(query, Damaged(packets(numbers(1, status=AUTOCOMMIT | MORE_RESULTS))))
    assert isinstance(found.error, OperationalError)
    assert not found.values  # a buffered cursor reads all results within execute()


@pytest.mark.timeout(HANGS_AFTER + 30)
def test_damaged_streams_end_as_they_have_to(each_decoder):
    """In a process of its own, whose memory holds nothing else."""
    script = Path(__file__).with_name("server_streams.py")
    run = subprocess.run(
        [sys.executable, script, str(SEED), "0", str(COUNT)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(compiled.__file__).parents[2])]),
            "RDSPOOL_ROWS": each_decoder,
        },
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER,
        check=False,
    )
    print(run.stdout)  # noqa: T201 - the seed
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"seed {SEED}: {COUNT} streams" in run.stdout


def test_the_recording_holds_no_secret():
    written = FILE.read_text()
    assert "X-Amz" not in written
    assert b"X-Amz".hex() not in written
    assert all(b"Signature" not in whole(stream) for stream in STREAMS)
