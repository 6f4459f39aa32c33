"""Several rows in one INSERT: where that is certain to mean the same as one INSERT per row.

A module of its own because its patterns cost a cold start 1 ms, and only executemany() needs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from .statements import Template, filled

BATCH_BYTES: Final = 1024 * 1024
"""Bytes of one INSERT that executemany() makes of several rows: below every server's max_allowed_packet (4 MiB and more)."""

# Possessive: with backtracking, each of many blanks before something unforeseen would begin a search of its own.
_NAME: Final = rb"(?:`[^`]+`|[0-9A-Za-z_$\x80-\xff]+)"
_CONSTANT: Final = rb"(?:NULL|DEFAULT|TRUE|FALSE|-?[0-9]+(?:\.[0-9]+)?|(?:NOW|CURRENT_TIMESTAMP|UTC_TIMESTAMP)\([0-6]?\)|CURRENT_TIMESTAMP)"
_HEAD: Final = re.compile(
    rb"\s*+(?:INSERT|REPLACE)\s++(?:(?:LOW_PRIORITY|HIGH_PRIORITY|IGNORE)\s++)*(?:INTO\s++)?" + _NAME + rb"(?:\s*+\.\s*+" + _NAME + rb")?"
    rb"\s*+(?:\(\s*+" + _NAME + rb"(?:\s*+,\s*+" + _NAME + rb")*\s*+\)\s*+)?VALUES?\s*+(\(\s*+(?:" + _CONSTANT + rb"\s*+,\s*+)*)",
    re.IGNORECASE,
)
_BETWEEN: Final = re.compile(rb"\s*+,\s*+(?:" + _CONSTANT + rb"\s*+,\s*+)*", re.IGNORECASE)
_TAIL: Final = re.compile(
    rb"((?:\s*+,\s*+" + _CONSTANT + rb")*\s*+\))(\s*+(?:(?:AS\s++" + _NAME + rb"\s++)?ON\s++DUPLICATE\s++KEY\s++UPDATE\s[^;]*+)?);?\s*+",
    re.IGNORECASE,
)


class Batch:
    """An INSERT (or REPLACE) of one row, so plain that its VALUES can be repeated: no comment, no quoted text, no expression.

    Everything else runs once per row, as written.
    """

    __slots__ = ("_head", "_row", "_tail")

    def __init__(self, head: bytes, row: list[bytes], tail: bytes) -> None:
        self._head = head
        self._row = row
        self._tail = tail

    @classmethod
    def of(cls, template: Template) -> Batch | None:
        """Return the batch of a statement, None where it is not certain that the rows can go into one."""
        if not template.plain or len(template.pieces) < 2:
            return None
        first, *between, last = template.pieces
        head, tail = _HEAD.fullmatch(first), _TAIL.fullmatch(last)
        if head is None or tail is None or not all(_BETWEEN.fullmatch(piece) for piece in between):
            return None
        return cls(first[: head.start(1)], [head[1], *between, tail[1]], tail[2])

    def row(self, values: Sequence[Any]) -> bytes:
        """Return one row of VALUES. Raises ProgrammingError."""
        return filled(self._row, values)

    def statements(self, rows: list[bytes], most_bytes: int) -> Iterator[bytes]:
        """Yield the INSERTs of these rows, as many rows in each as fit into `most_bytes`, one at least."""
        begin = size = 0
        for position, row in enumerate(rows):
            if size and size + len(row) > most_bytes:
                yield self._statement(rows[begin:position])
                begin, size = position, 0
            size += len(row) + 1
        yield self._statement(rows[begin:])

    def _statement(self, rows: list[bytes]) -> bytes:
        return self._head + b",".join(rows) + self._tail
