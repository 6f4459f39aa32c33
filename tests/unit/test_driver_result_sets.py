"""What precedes a result's rows is read once: an answer is read the same whether its header is known, another one, or comes in pieces."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from fake_server import (
    AUTOCOMMIT,
    LONGLONG,
    MORE_RESULTS,
    VAR_STRING,
    FakeServer,
    column,
    end,
    ended_by_ok,
    ok,
    packets,
    refusal,
    result,
    row,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from mysql.connector.constants import FieldFlag
from mysql.connector.errors import Error, ProgrammingError
from rdspool._driver import rows
from rdspool._driver.command_phase import CommandPhase
from rdspool._driver.packets import PacketStream
from rdspool._driver.responses import Ok
from rdspool._driver.result_sets import ResultSet
from rdspool._driver.statements import whole

pytestmark = pytest.mark.usefixtures("each_decoder")

A, B = column("a"), column("b", LONGLONG, flags=FieldFlag.NOT_NULL)


def query(commands, template, *, at_once=True):
    """Return the columns' names, the rows and the number of warnings of a statement, or what it did."""
    answer = commands.query(b"SELECT", None, None, template, at_once)
    if isinstance(answer, Ok):
        return answer
    if isinstance(answer, ResultSet):
        result_set, (found, warnings) = answer, commands.rows(None, None, answer.convert)
        rows.read(found, result_set.columns, result_set.convert)
    else:
        result_set, found, warnings = answer
    return [column.name for column in result_set.columns], found, warnings


@pytest.fixture
def template():
    return whole(f"SELECT {time.monotonic_ns()}")


def test_what_precedes_the_rows_is_read_once(commands_and_server, template):
    commands, server = commands_and_server
    server.will_answer(*[result([A, B], [row(b"x", b"1")])] * 3)
    found = query(commands, template)
    kept = template.result_set
    assert found[0] == ["a", "b"]
    assert query(commands, template) == query(commands, template) == found
    assert template.result_set is kept
    assert kept.description == [("a", VAR_STRING, None, None, None, None, True), ("b", LONGLONG, None, None, None, None, False)]
    assert [convert(b"1") for convert in kept.convert] == ["1", 1]


def test_a_table_that_has_changed_is_seen(commands_and_server, template):
    commands, server = commands_and_server
    for columns in ([A], [A, B], [B], [B], [A]):
        server.will_answer(result(columns, [row(*[b"1"] * len(columns))]))
        assert len(query(commands, template)[0]) == len(columns)
        assert len(template.result_set.columns) == len(columns)


def test_a_result_is_followed_by_none_and_by_a_refusal(commands_and_server, template):
    commands, server = commands_and_server
    server.will_answer(result([A], []), [ok(3)], [refusal()], result([A], [row(b"1")]))
    query(commands, template)
    assert query(commands, template).affected_rows == 3
    with pytest.raises(ProgrammingError):
        query(commands, template)
    assert query(commands, template)[0] == ["a"]


@pytest.mark.parametrize("status", [0, AUTOCOMMIT, 0x4001, 0xFF03 & ~MORE_RESULTS])
def test_the_status_behind_a_known_header_is_read(commands_and_server, template, status):
    commands, server = commands_and_server
    server.will_answer(result([A], []), result([A], [], status=status))
    query(commands, template)
    query(commands, template)
    assert commands.status == status


def test_a_further_result_is_not_taken_for_the_first(commands_and_server, template):
    commands, server = commands_and_server
    for _ in range(2):
        server.will_answer(result([A], [row(b"1")], status=AUTOCOMMIT | MORE_RESULTS) + result([B], [row(b"2")]))
        assert query(commands, template)[0] == ["a"]
        assert [found.name for found in commands.next_result().columns] == ["b"]
        assert commands.rows(None)[0] == [row(b"2")]
        assert template.result_set.columns[0].name == "a"


def test_a_large_header_is_not_kept(commands_and_server, template):
    commands, server = commands_and_server
    many = [column(f"c{number:04}") for number in range(500)]
    server.will_answer(*[result(many, [])] * 2)
    query(commands, template)
    assert template.result_set.header == b""
    assert len(query(commands, template)[0]) == 500


@pytest.mark.parametrize("count", [1, 252, 253, 254, 255, 256, 257])
def test_numbers_of_packets_go_on_behind_a_known_header(commands_and_server, template, count, monkeypatch):
    monkeypatch.setattr("rdspool._driver.result_sets._KEPT_LENGTH", 1_000_000)
    commands, server = commands_and_server
    columns = [column(f"c{number}") for number in range(count)]
    server.will_answer(*[result(columns, [row(*[b"1"] * count)] * 2)] * 2)
    assert query(commands, template) == query(commands, template)
    assert template.result_set.header


class Piecewise(socket.socket):
    """A socket from which the bytes come in pieces of given sizes."""

    sizes: Iterator[int] = iter(())

    def recv(self, size, flags=0):
        return super().recv(next(self.sizes, size), flags)


@given(sizes=st.lists(st.integers(1, 40), max_size=12), flip=st.none() | st.integers(0, 10_000), ends=st.booleans())
@settings(max_examples=300)
def test_a_known_header_changes_nothing(sizes, flip, ends):
    """However the bytes arrive, and whatever is wrong with them: an answer is read as one whose header is not known."""
    whole_answer = result([A, B], [row(b"x", b"1"), row(None, b"22")], status=3)
    answer = bytearray(packets(ended_by_ok(whole_answer) if ends else whole_answer))
    if flip is not None:
        answer[flip // 8 % len(answer)] ^= 1 << flip % 8
    outcomes = []
    for known, at_once in ((True, True), (True, False), (False, False)):
        ours, theirs = socket.socketpair()
        arriving = Piecewise(fileno=ours.detach())
        commands = CommandPhase(PacketStream(arriving, "db.test", 3306), AUTOCOMMIT)
        commands.stream.ok_ends_rows = ends
        server = FakeServer(theirs, [result([A, B], []), bytes(answer)], ok_ends_rows=ends)
        template = whole("SELECT a, b FROM t")
        template.result_set = None
        query(commands, template)
        assert template.result_set is not None
        if not known:
            template.result_set = None
        arriving.sizes = iter(sizes)
        try:
            # A damaged length lets it wait for more, which nobody sends.
            commands.read_timeout = 0.05
            outcomes.append((query(commands, template, at_once=at_once), commands.status))
        except Error as error:
            outcomes.append((type(error), str(error)))
        commands.abandon()
        server.close()
    assert outcomes == outcomes[:1] * 3


def test_nothing_is_passed_where_another_answer_comes(commands_and_server):
    stream: PacketStream = commands_and_server[0].stream
    known = ResultSet([])
    known.keep([b"\x01", A])
    stream._buffer, stream._at, stream._expected = packets([b"\x01", A]) + b"rest", 0, 1
    assert stream.skip(known.header, known.next_number)
    assert (stream._buffer[stream._at :], stream._expected) == (b"rest", 3)
    for other in (packets([b"\x01", B, end()]), packets([b"\x01"]), packets([b"\x01", A])[:-1], packets([ok()])):
        stream._buffer, stream._at, stream._expected = other, 0, 1
        assert not stream.skip(known.header, known.next_number)
        assert (stream._buffer, stream._at, stream._expected) == (other, 0, 1)
