"""The cursors of PEP 249. Each reads its whole result within `execute()`, or streams: reads rows as they are fetched."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from mysql.connector.errors import Error, InterfaceError, ProgrammingError

from ..errors import ProtocolError
from . import literals, rows
from .columns import Column
from .command_phase import CommandPhase, ResultSet
from .error_numbers import SYNTAX_ERROR
from .responses import Ok
from .statements import Batch, encoded, template

if TYPE_CHECKING:
    from .connection import Connection

BATCH_BYTES: Final = 1024 * 1024
"""Bytes of one INSERT that executemany() makes of several rows: below every server's max_allowed_packet (4 MiB and more)."""


_NOT_OFFERED: Final = {
    "add_attribute": "a statement's attributes can be written into it as a comment",
    "fetchwarnings": "execute SHOW WARNINGS; warning_count tells whether there are some",
    "stored_results": "use fetchall() for the first result of a procedure, nextset() and fetchall() for the others",
}
"""What mysql-connector-python's cursors have and rdspool's do not, with what to use."""


class Cursor:
    """Reads the whole result within `execute()`. Rows are tuples."""

    def __init__(
        self,
        connection: Connection,
        commands: CommandPhase,
        *,
        raw: bool = False,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
    ) -> None:
        """Prepare a cursor; `Connection.cursor()` makes them."""
        self._connection: Connection | None = connection
        self._commands = commands
        self._raw = raw
        self._read_timeout = read_timeout
        self._write_timeout = write_timeout
        self._columns: list[Column] | None = None
        self._rows: list[Any] = []
        self._next = 0
        self._results: list[tuple[list[Column] | None, list[Any], int]] = []
        """Results of a procedure that follow the one that is read."""
        self.arraysize = 1
        """How many rows `fetchmany()` gives where it is not told."""
        self.rowcount = -1
        """Rows of the last result, or rows that the last statement found or changed; -1 where that is not known."""
        self.lastrowid: int | None = None
        """The first AUTO_INCREMENT value that the last statement made, 0 where it made none."""
        self.warning_count = 0
        """Warnings of the last statement. SHOW WARNINGS has their texts."""
        self._sent = b""

    def __repr__(self) -> str:
        return f"<rdspool {type(self).__name__} {'closed' if self._connection is None else 'open'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def __getattr__(self, name: str) -> NoReturn:
        advice = _NOT_OFFERED.get(name)
        raise AttributeError(f"rdspool's cursor has no {name!r}{f': {advice}' if advice else ''}", name=name, obj=self)

    @property
    def connection(self) -> Connection:
        """The connection. Raises ProgrammingError where the cursor is closed."""
        if self._connection is None:
            raise ProgrammingError("the cursor is closed: make another one")
        return self._connection

    # -- statements ----------------------------------------------------------------------------------------------------------

    def execute(self, operation: Any, params: Any = None) -> None:
        """Run a statement, each `%s` or `%(name)s` in its code replaced by the literal of its value.

        Without parameters the statement is sent as it is.

        Raises ProgrammingError where the parameters do not fit, or the server's refusal.
        """
        connection = self.connection
        if params:
            known = template(operation, params, self._sql_mode)
            self._send(connection, known.fill(known.values(params)))
        else:
            self._send(connection, encoded(operation))

    def _sql_mode(self) -> str:
        return str(self.connection.variables("@@session.sql_mode")[0])

    def _send(self, connection: Connection, statement: bytes) -> None:
        self._columns = None
        self._rows, self._next, self._results = [], 0, []
        self.rowcount, self.warning_count, self.lastrowid = -1, 0, None
        self._sent = statement
        connection.note_statement(statement)
        try:
            answer = self._commands.query(statement, self._read_timeout, self._write_timeout)
        except Error as error:
            if error.errno == SYNTAX_ERROR and literals.HEXADECIMAL in statement:
                error.add_note(
                    "A text with a backslash is sent in hexadecimal (_utf8mb4 x'...'), so that every sql_mode reads it the same. A few places "
                    "of SQL take a quoted text only, such as SHOW ... LIKE: write the text into the statement there."
                )
            raise
        self._take(answer)

    def executemany(self, operation: Any, seq_of_params: Sequence[Any]) -> None:
        """Run a statement once for each set of parameters. `rowcount` is the sum.

        The rows of a plain INSERT go together into statements of up to `BATCH_BYTES`; everything else runs as it is written.
        """
        connection = self.connection
        given = list(seq_of_params)
        if not given:
            self.rowcount = 0
            return
        if not given[0]:
            total = 0
            for params in given:
                self.execute(operation, params)
                if self.with_rows:
                    self.fetchall()
                total += max(self.rowcount, 0)
            self.rowcount = total
            return
        known = template(operation, given[0], self._sql_mode)
        batch = Batch.of(known) if len(given) > 1 else None
        total = 0
        if batch is not None:
            total = self._insert(connection, batch, [batch.row(known.values(params)) for params in given])
        else:
            for params in given:
                self._send(connection, known.fill(known.values(params)))
                if self.with_rows:
                    self.fetchall()
                total += max(self.rowcount, 0)
        self.rowcount = total

    def _insert(self, connection: Connection, batch: Batch, literals: list[bytes]) -> int:
        """Insert rows, as many at once as `BATCH_BYTES` hold, and return how many the server counted."""
        total, begin, size = 0, 0, 0
        for position, row in enumerate(literals):
            if size and size + len(row) > BATCH_BYTES:
                self._send(connection, batch.statement(literals[begin:position]))
                total += self.rowcount
                begin, size = position, 0
            size += len(row) + 1
        self._send(connection, batch.statement(literals[begin:]))
        return total + self.rowcount

    def callproc(self, procname: str, args: Sequence[Any] = ()) -> tuple[Any, ...]:
        """Call a procedure and return its arguments, those for OUT and INOUT with their new values.

        The procedure's results are read whole; `fetchall()` gives the first, `nextset()` goes on to the next. Arguments travel in user
        variables, on which an RDS Proxy pins the connection.
        """
        if not isinstance(procname, str):
            raise ProgrammingError(f"the name of a procedure is a str, not {type(procname).__name__}")
        name = ".".join(f"`{part.strip('`').replace('`', '``')}`" for part in procname.split("."))
        variables = [f"@_rdspool_{number}" for number in range(len(args))]
        if args:
            self.execute(f"SET {', '.join(f'{variable} = %s' for variable in variables)}", tuple(args))
        self.execute(f"CALL {name}({', '.join(variables)})")
        results = [self._result()]
        while self.nextset():
            results.append(self._result())
        given = tuple(args)
        if args:
            given = self.connection.variables(*variables)
        self._columns, self._rows, self.rowcount = results[0]
        # The last answer of a CALL is an OK without rows.
        self._results = results[1:-1] if len(results) > 1 else []
        return given

    def _result(self) -> tuple[list[Column] | None, list[Any], int]:
        return self._columns, self.fetchall() if self.with_rows else [], self.rowcount

    def setinputsizes(self, sizes: Any) -> None:
        """Do nothing: PEP 249 asks for the method."""

    def setoutputsize(self, size: Any, column: Any = None) -> None:
        """Do nothing: PEP 249 asks for the method."""

    # -- results -------------------------------------------------------------------------------------------------------------

    def _take(self, answer: Ok | ResultSet) -> None:
        if isinstance(answer, Ok):
            self.rowcount, self.lastrowid, self.warning_count = answer.affected_rows, answer.last_insert_id, answer.warnings
            return
        self._columns = answer.columns
        self._convert = rows.converters(answer.columns, self._raw)
        self._begin_rows()

    def _begin_rows(self) -> None:
        payloads, end = self._commands.rows(None, self._read_timeout)
        self._rows = self._made(payloads)
        self.rowcount = len(self._rows)
        if end is not None:
            self.warning_count = end.warnings

    def _made(self, payloads: list[Any]) -> list[Any]:
        """Return the rows in these payloads. A value that can't be read closes the connection."""
        assert self._columns is not None
        try:
            rows.read(payloads, self._columns, self._convert)
        except ProtocolError:
            self._commands.abandon()
            raise
        return payloads

    @property
    def statement(self) -> str | None:
        """The last statement as it was sent, with its values."""
        return self._sent.decode("utf-8", "replace") if self._sent else None

    @property
    def with_rows(self) -> bool:
        """Whether the last statement has a result with rows."""
        return self._columns is not None

    @property
    def description(self) -> list[tuple[str, int, None, None, None, None, bool]] | None:
        """The columns of the result: name, type (one of mysql.connector.FieldType), four times None, nullable."""
        return None if self._columns is None else [column.description for column in self._columns]

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the result's columns."""
        return () if self._columns is None else tuple(column.name for column in self._columns)

    def _check_rows(self) -> None:
        if self._columns is None:
            if self._connection is None:
                raise ProgrammingError("the cursor is closed: make another one")
            raise InterfaceError("there is no result to fetch from: the last statement has none, or none was executed")

    def fetchone(self) -> Any:
        """Return the next row, None after the last."""
        self._check_rows()
        if self._next >= len(self._rows):
            return None
        row = self._rows[self._next]
        self._next += 1
        return row

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next rows, at most `size` (None: `arraysize`)."""
        self._check_rows()
        begin = self._next
        found = self._rows[begin : begin + (self.arraysize if size is None else size)]
        self._next = begin + len(found)
        return found

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        self._check_rows()
        found = self._rows[self._next :] if self._next else self._rows
        self._rows, self._next = [], 0
        return found

    def nextset(self) -> bool | None:
        """Go on to the next result of a statement with several. Return None after the last."""
        self.connection  # noqa: B018 - raises where the cursor is closed
        if self._results:
            (self._columns, self._rows, self.rowcount), self._next = self._results.pop(0), 0
            return True
        answer = self._commands.next_result()
        self._columns, self._rows, self._next = None, [], 0
        if answer is None:
            return None
        self._take(answer)
        return True

    def close(self) -> None:
        """Close the cursor. Results that still follow are read, so that no later statement gets them; an error among them is raised."""
        connection, self._connection = self._connection, None
        self._columns, self._rows = None, []
        if connection is not None and self._commands.more_results:
            self._commands.drain()


class StreamingCursor(Cursor):
    """Reads rows as they are fetched, so that a result larger than the memory can be read. One stream at a time on a connection."""

    def _send(self, connection: Connection, statement: bytes) -> None:
        if self._commands.reads(self):
            self._commands.stop_reading()
        super()._send(connection, statement)

    def _sql_mode(self) -> str:
        if self._commands.reads(self):
            self._commands.stop_reading()
        return super()._sql_mode()

    def _begin_rows(self) -> None:
        self._count, self.rowcount = 0, -1
        self._commands.read_by(self)

    def _fetch(self, most: int | None) -> list[Any]:
        if self._columns is None and self._connection is not None and self.rowcount >= 0:
            return []  # a statement without a result: SQLAlchemy fetches from a stream before it looks for columns
        self._check_rows()
        if not self._commands.reads(self):
            if self._next < len(self._rows):  # a procedure's: callproc() has read them
                return super().fetchall() if most is None else super().fetchmany(most)
            if self.rowcount < 0:
                raise ProgrammingError(
                    "the rows of this stream are gone: the transaction was ended, or the connection closed, before they were read"
                )
            return []
        payloads, end = self._commands.rows(most, self._read_timeout)
        found = self._made(payloads)
        self._count += len(found)
        if end is not None:
            self.rowcount, self.warning_count = self._count, end.warnings
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

    def close(self) -> None:
        """Close the cursor. Rows that are left are read and dropped with the next statement; a ROLLBACK may close the connection instead."""
        if self._commands.reads(self):
            self._commands.stop_reading()
            self._connection = None
        super().close()


def _dicts(columns: Sequence[Column], found: list[Any]) -> list[Any]:
    names = [column.name for column in columns]
    return [dict(zip(names, row, strict=True)) for row in found]


def _named_tuples(columns: Sequence[Column], found: list[Any]) -> list[Any]:
    # A name that is no identifier becomes _0, _1, ...: collections.namedtuple's rename.
    kind = namedtuple("Row", [column.name for column in columns], rename=True)  # type: ignore[misc]
    return [kind._make(row) for row in found]


class _Dicts(Cursor):
    def _made(self, payloads: list[Any]) -> list[Any]:
        return _dicts(self._columns or (), super()._made(payloads))


class _NamedTuples(Cursor):
    def _made(self, payloads: list[Any]) -> list[Any]:
        return _named_tuples(self._columns or (), super()._made(payloads))


class DictCursor(_Dicts):
    """As Cursor; rows are dicts by the columns' names."""


class NamedTupleCursor(_NamedTuples):
    """As Cursor; rows are named tuples."""


class StreamingDictCursor(_Dicts, StreamingCursor):
    """As StreamingCursor; rows are dicts by the columns' names."""


class StreamingNamedTupleCursor(_NamedTuples, StreamingCursor):
    """As StreamingCursor; rows are named tuples."""
