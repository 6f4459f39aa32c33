"""The streaming cursors: they read rows as they are fetched, so that a result larger than the memory can be read."""

from __future__ import annotations

from typing import Any, Final

from mysql.connector.errors import ProgrammingError

from .cursors import NOTHING, Cursor, Outcome
from .result_sets import ResultSet
from .row_kinds import DictCursor, Dicts, NamedTupleCursor, NamedTuples
from .statements import Template


class StreamingCursor(Cursor):
    """Reads rows as they are fetched, so that a result larger than the memory can be read. One stream at a time on a connection."""

    _whole = False
    _number = -1
    """The number of this cursor's last statement on the connection."""

    def _send(self, statement: bytes, known: Template) -> None:
        if self._commands.reads(self):
            self._commands.stop_reading()
        super()._send(statement, known)
        self._number = self._commands.commands

    def _read_on(self) -> None:
        """Leave the results that follow where they are: `nextset()` reads them."""

    def _read_results(self) -> None:
        """Read all results whole. They stay in the cursor."""
        results = [self._result()]
        while self.nextset():
            results.append(self._result())
        self._show(results[0])
        self._results = results[1:]

    def _result(self) -> Outcome:
        self._rows = self.fetchall() if self.with_rows else []
        return self._outcome()

    def _has_more(self) -> bool:
        """Whether results follow that are this cursor's: no statement of another cursor has run since its own."""
        return self._commands.more_results and self._commands.commands == self._number

    def _sql_mode(self) -> str:
        if self._commands.reads(self):
            self._commands.stop_reading()
        return super()._sql_mode()

    def _begin_rows(self, _: ResultSet) -> None:
        self._count, self.rowcount = 0, -1
        self._commands.read_by(self)

    def _fetch(self, most: int | None) -> list[Any]:
        result_set = self.result_set
        if result_set is None and self._connection is not None and self.rowcount >= 0:
            return []  # a statement without a result: SQLAlchemy fetches from a stream before it looks for columns
        self._check_rows()
        if result_set is None or not self._commands.reads(self):
            if self._next < len(self._rows):  # a procedure's: callproc() has read them
                return super().fetchall() if most is None else super().fetchmany(most)
            if self.rowcount < 0:
                raise ProgrammingError(
                    "the rows of this stream are gone: the transaction was ended, or the connection closed, before they were read"
                )
            return []
        found, warnings = self._commands.rows(most, self._read_timeout, result_set.convert)
        found = self._made(found, result_set)
        self._count += len(found)
        if warnings is not None:
            self.rowcount, self.warning_count = self._count, warnings
        return found

    def fetchone(self) -> Any:
        """Return the next row, None after the last."""
        found = self._fetch(1)
        return found[0] if found else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next rows, at most `size` (None: `arraysize`)."""
        return self._fetch(self.arraysize if size is None else size)

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        return self._fetch(None)

    def nextset(self) -> bool | None:
        """Go on to the next result of a statement with several; rows that are left of this one are dropped. Return None after the last."""
        if self._results or not (self._commands.reads(self) or self._has_more()):
            return super().nextset()
        self._check_open()
        answer = self._commands.next_result(self._read_timeout)
        self._show(NOTHING)
        if answer is None:
            return None
        self._take(answer)
        return True

    def close(self) -> None:
        """Close the cursor. Rows that are left are read and dropped with the next statement; a ROLLBACK may close the connection instead.

        Results that still follow are read; an error among them is raised.
        """
        open_before = self._connection is not None
        super().close()
        if self._commands.reads(self):
            self._commands.stop_reading()
        elif open_before and self._has_more():
            self._commands.drain()


class StreamingDictCursor(Dicts, StreamingCursor):
    """As StreamingCursor; rows are dicts by the columns' names."""


class StreamingNamedTupleCursor(NamedTuples, StreamingCursor):
    """As StreamingCursor; rows are named tuples."""


KINDS: Final[dict[tuple[bool, bool, bool], type[Cursor]]] = {
    # (streaming, dictionary, named_tuple)
    (False, True, False): DictCursor,
    (False, False, True): NamedTupleCursor,
    (True, False, False): StreamingCursor,
    (True, True, False): StreamingDictCursor,
    (True, False, True): StreamingNamedTupleCursor,
}
"""The cursors beside `Cursor`."""
