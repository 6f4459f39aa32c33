"""Read the names of a client's commands from its packets while they are relayed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .protocol import MAX_PAYLOAD, Cursor, ProtocolError

NAMES = {
    0x00: "SLEEP", 0x01: "QUIT", 0x02: "INIT_DB", 0x03: "QUERY", 0x04: "FIELD_LIST", 0x05: "CREATE_DB", 0x06: "DROP_DB", 0x07: "REFRESH",
    0x08: "SHUTDOWN", 0x09: "STATISTICS", 0x0A: "PROCESS_INFO", 0x0B: "CONNECT", 0x0C: "PROCESS_KILL", 0x0D: "DEBUG", 0x0E: "PING",
    0x11: "CHANGE_USER", 0x12: "BINLOG_DUMP", 0x16: "STMT_PREPARE", 0x17: "STMT_EXECUTE", 0x18: "STMT_SEND_LONG_DATA", 0x19: "STMT_CLOSE",
    0x1A: "STMT_RESET", 0x1B: "SET_OPTION", 0x1C: "STMT_FETCH", 0x1F: "RESET_CONNECTION", 0x20: "CLONE", 0xFA: "STMT_BULK_EXECUTE",
}  # fmt: skip
# Commands that the server does not answer.
UNANSWERED = ("QUIT", "STMT_CLOSE", "STMT_SEND_LONG_DATA")
TEXT_LIMIT = 200
# Bytes of a command that are buffered for its name: enough for query attributes and 200 characters of SQL.
HEAD = 4096

# Sizes of query attributes by column type. Strings and decimal numbers have a length prefix instead.
_FIXED = {0x01: 1, 0x02: 2, 0x0D: 2, 0x03: 4, 0x09: 4, 0x08: 8, 0x04: 4, 0x05: 8, 0x06: 0}
_TIMES = (0x07, 0x0A, 0x0B, 0x0C)


def command_name(payload: bytes, query_attributes: bool) -> str:
    """Return the name of a command, with the first 200 characters of its SQL or its schema, or with the number of its statement."""
    if not payload:
        return "EMPTY"
    name = NAMES.get(payload[0], f"0x{payload[0]:02X}")
    if name == "QUERY":
        return f"{name} {_text(statement_of(payload, query_attributes))}"
    if name in ("STMT_PREPARE", "INIT_DB"):
        return f"{name} {_text(payload[1:])}"
    if name.startswith("STMT_"):
        return f"{name} {int.from_bytes(payload[1:5], 'little')}"
    return name


def _text(value: bytes) -> str:
    return value[: TEXT_LIMIT * 4].decode(errors="replace")[:TEXT_LIMIT]


def statement_of(payload: bytes, query_attributes: bool) -> bytes:
    """Return the SQL of a QUERY command."""
    cursor = Cursor(payload, 1)
    if query_attributes:
        try:
            _skip_attributes(cursor)
        except ProtocolError:
            return b"(the query attributes are too long to find the SQL)"
    return payload[cursor.position :]


def _skip_attributes(cursor: Cursor) -> None:
    count = cursor.lenenc()
    cursor.lenenc()
    if not count:
        return
    nulls = cursor.take((count + 7) // 8)
    types: list[int] = []
    if cursor.integer(1):
        for _ in range(count):
            types.append(cursor.integer(2) & 0xFF)
            cursor.lenenc_bytes()
    for number, kind in enumerate(types):
        if nulls[number // 8] >> number % 8 & 1:
            continue
        if kind in _FIXED:
            cursor.take(_FIXED[kind])
        elif kind in _TIMES:
            cursor.take(cursor.integer(1))
        else:
            cursor.lenenc_bytes()


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive bytes from the client, of at most one packet."""

    data: bytes
    command: str | None
    """The command that begins here, or None in the middle of one."""
    ends: bool
    """Whether the message (one packet, or several of 16 MB and a shorter one) ends here."""
    sequence: int
    """The packet's sequence number."""


class CommandReader:
    """Splits a client's bytes into segments, so that each command begins a segment. Bytes are buffered only until a command has a name."""

    def __init__(self, query_attributes: bool) -> None:
        self._query_attributes = query_attributes
        self._held = b""
        self._left = 0
        self._whole = True
        self._continues = False
        self._sequence = 0
        # Whether the server has sent something since the client's last packet. The relay sets it.
        self.answered = True

    def feed(self, data: bytes) -> Iterator[Segment]:
        """Yield the segments that are complete after `data`."""
        if self._held:
            data, self._held = self._held + data, b""
        position = 0
        while position < len(data):
            if self._left:
                end = min(len(data), position + self._left)
                self._left -= end - position
                yield Segment(data[position:end], None, not self._left and self._whole, self._sequence)
                position = end
                continue
            if len(data) - position < 4:
                break
            size = int.from_bytes(data[position : position + 3], "little")
            sequence = data[position + 3]
            begins = self._begins(sequence)
            start = position + 4
            if begins and len(data) - start < min(size, HEAD):
                break
            command = command_name(data[start : start + min(size, HEAD)], self._query_attributes) if begins else None
            end = min(len(data), start + size)
            self._left = size - (end - start)
            self._whole = size < MAX_PAYLOAD
            self._continues = not self._whole
            self._sequence = sequence
            self.answered = False
            yield Segment(data[position:end], command, not self._left and self._whole, sequence)
            position = end
        self._held = data[position:]

    def _begins(self, sequence: int) -> bool:
        # A file for LOAD DATA LOCAL can have more than 256 packets. A 0 after 255 without an answer in between belongs to the file.
        wrapped = self._sequence == 255 and not self.answered
        return sequence == 0 and not self._continues and not wrapped
