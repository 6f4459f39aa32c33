"""The names of commands, however the bytes are cut, and what looks like a command but is none."""

from __future__ import annotations

import pytest

from local.front.commands import CommandReader, command_name
from local.front.protocol import MAX_PAYLOAD, framed, lenenc_bytes


def names(reader: CommandReader, *chunks: bytes) -> list[str]:
    """Return the commands in these bytes. The segments must be the same bytes."""
    segments = [segment for chunk in chunks for segment in reader.feed(chunk)]
    assert b"".join(segment.data for segment in segments) == b"".join(chunks)
    return [segment.command for segment in segments if segment.command is not None]


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (b"\x03SELECT 1", "QUERY SELECT 1"),
        (b"\x03" + b"x" * 300, "QUERY " + "x" * 200),
        ("\x03SELECT 'ü€😀'".encode(), "QUERY SELECT 'ü€😀'"),
        (b"\x01", "QUIT"),
        (b"\x0e", "PING"),
        (b"\x1f", "RESET_CONNECTION"),
        (b"\x02app", "INIT_DB app"),
        (b"\x16SELECT ?", "STMT_PREPARE SELECT ?"),
        (b"\x17\x05\x00\x00\x00\x00\x01\x00\x00\x00", "STMT_EXECUTE 5"),
        (b"\x19\x05\x00\x00\x00", "STMT_CLOSE 5"),
        (b"\x7f", "0x7F"),
        (b"", "EMPTY"),
    ],
)
def test_name(payload: bytes, name: str) -> None:
    assert command_name(payload, query_attributes=False) == name


def test_query_attributes() -> None:
    def attribute(kind: int, name: bytes) -> bytes:
        return kind.to_bytes(2, "little") + lenenc_bytes(name)

    types = attribute(0xFD, b"trace") + attribute(0x08, b"number") + attribute(0xFD, b"nothing") + attribute(0x0C, b"when")
    values = lenenc_bytes(b"SELECT 'no'") + b"\0" * 8 + b"\x04\xea\x07\x01\x02"
    assert command_name(b"\x03\x00\x01SELECT 1", query_attributes=True) == "QUERY SELECT 1"
    assert command_name(b"\x03\x04\x01\x04\x01" + types + values + b"SELECT 2", query_attributes=True) == "QUERY SELECT 2"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_cut_anywhere(size: int) -> None:
    data = framed(b"\x03SELECT 1", 0) + framed(b"\x0e", 0) + framed(b"\x03" + b"y" * 6000, 0) + framed(b"\x01", 0)
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert names(CommandReader(False), *chunks) == ["QUERY SELECT 1", "PING", "QUERY " + "y" * 200, "QUIT"]


def test_does_not_hold_back_what_it_can_name() -> None:
    reader = CommandReader(False)
    begin = framed(b"\x03" + b"z" * 10_000, 0)[:5000]
    (segment,) = reader.feed(begin)
    assert (segment.data, segment.ends) == (begin, False)


def test_packets_of_16_mb_are_one_command() -> None:
    first = b"\xff\xff\xff\x00\x03" + b"a" * (MAX_PAYLOAD - 1)
    segments = list(CommandReader(False).feed(first + framed(b"rest", 1) + framed(b"\x0e", 0)))
    assert [segment.command for segment in segments] == ["QUERY " + "a" * 200, None, "PING"]
    assert [segment.ends for segment in segments] == [False, True, True]


def test_exactly_16_mb_ends_with_an_empty_packet() -> None:
    first = b"\xff\xff\xff\x00\x03" + b"a" * (MAX_PAYLOAD - 1)
    assert names(CommandReader(False), first, framed(b"", 1), framed(b"\x0e", 0)) == ["QUERY " + "a" * 200, "PING"]


def test_a_local_files_256th_packet_is_no_command() -> None:
    reader = CommandReader(False)
    assert names(reader, framed(b"\x03LOAD DATA LOCAL INFILE", 0)) == ["QUERY LOAD DATA LOCAL INFILE"]
    reader.answered = True
    assert names(reader, *(framed(b"\x0e a line\n", number % 256) for number in range(2, 700)), framed(b"", 700 % 256)) == []
    reader.answered = True
    assert names(reader, framed(b"\x0e", 0)) == ["PING"]


def test_an_answer_makes_0_after_255_a_command() -> None:
    reader = CommandReader(False)
    assert names(reader, framed(b"\x03LOAD", 0), *(framed(b"x", number) for number in range(2, 255)), framed(b"", 255)) == ["QUERY LOAD"]
    reader.answered = True
    assert names(reader, framed(b"\x0e", 0)) == ["PING"]
