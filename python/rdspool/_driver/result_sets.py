"""What precedes the rows of a result: the description of its columns, and all that follows from it.

A statement that is executed again is answered with the same bytes before its rows, unless its tables have changed. So these bytes are kept
with the statement's template: where they come again, nothing of them is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from . import rows
from .columns import Column

_KEPT_LENGTH: Final = 8192
"""Bytes of a header that is kept at most: that of a usual result with 20 columns has 1,500, and they are kept as long as the process."""


class ResultSet:
    """The columns of a result whose rows follow."""

    __slots__ = ("columns", "convert", "description", "header", "known", "made_of_names", "next_number")

    def __init__(self, columns: Sequence[Column], *, raw: bool = False) -> None:
        """Take the columns; with `raw` each value stays bytes."""
        self.columns = columns
        self.convert = rows.converters(columns, raw)
        """For each column, what turns its bytes into a Python value."""
        self.description: list[Any] = [column.description for column in columns]
        """The columns as `Cursor.description` gives them."""
        self.header = b""
        """The packets that described the columns; empty where they are not kept."""
        self.next_number = 0
        """The number of the packet behind them."""
        self.known: tuple[Any, ...] | None = None
        """What reads an answer that begins with `header` in C (_compiled_exchange.c, answer()); None where it is read in Python."""
        self.made_of_names: tuple[Any, Any] = (None, None)
        """What a dialect has made of the columns' names, behind the mark of that dialect."""

    def keep(self, payloads: Sequence[bytes]) -> None:
        """Keep the packets that described the columns. Take their payloads, with that of the number of columns."""
        if sum(map(len, payloads)) + 4 * len(payloads) > _KEPT_LENGTH:
            return
        packets = [len(payload).to_bytes(3, "little") + (number & 0xFF).to_bytes() + payload for number, payload in enumerate(payloads, 1)]
        self.header = b"".join(packets)
        self.next_number = len(payloads) + 1 & 0xFF
        if self.convert.in_c is not None:
            self.known = *self.convert.in_c, self.header, self.next_number
