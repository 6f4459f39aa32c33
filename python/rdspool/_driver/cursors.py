"""The cursors of PEP 249. Each reads its whole result within `execute()`, or streams: reads rows as they are fetched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NoReturn, Self

from mysql.connector.errors import Error, InterfaceError, ProgrammingError

from ..errors import ProtocolError
from . import effects, literals, not_offered, rows
from .command_phase import CommandPhase
from .connection_state import MORE_RESULTS, QUERY
from .error_numbers import SYNTAX_ERROR
from .responses import Ok
from .result_sets import ResultSet
from .statements import Template, template, whole
from .transactions import TransactionState

Outcome = tuple[ResultSet | None, Sequence[Any], int, int | None, int]
"""One result: columns, rows, rowcount, lastrowid, warning_count."""
NOTHING: Final[Outcome] = (None, (), -1, None, 0)


class Cursor:
    """Reads the whole result within `execute()`. Rows are tuples."""

    # What a cursor begins with. SQLAlchemy makes one for each statement.
    result_set: ResultSet | None = None
    """The columns of the result that is read; None where it has none."""
    _rows: Sequence[Any] = ()
    _next = 0
    _results: Sequence[Outcome] = ()
    """Results that follow the one that is read."""
    _sent = b""
    _whole = True
    """Whether rows are as the driver reads them, so that it may read an answer whole."""
    arraysize = 1
    """How many rows `fetchmany()` gives where it is not told."""
    rowcount = -1
    """Rows of the last result, or rows that the last statement found or changed; -1 where that is not known."""
    lastrowid: int | None = None
    """The first AUTO_INCREMENT value that the last statement made, 0 where it made none."""
    warning_count = 0
    """Warnings of the last statement. SHOW WARNINGS has their texts."""

    def __init__(
        self,
        connection: Any,
        commands: CommandPhase,
        transaction: TransactionState,
        raw: bool = False,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
    ) -> None:
        """Prepare a cursor; `Connection.cursor()` makes them."""
        self._connection = connection
        self._commands = commands
        self._transaction = transaction
        self._raw = raw
        if raw:
            self._whole = False
        self._read_timeout = read_timeout
        self._write_timeout = write_timeout

    def __repr__(self) -> str:
        return f"<rdspool {type(self).__name__} {'closed' if self._connection is None else 'open'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        if (row := self.fetchone()) is None:
            raise StopIteration
        return row

    def __getattr__(self, name: str) -> NoReturn:
        raise not_offered.missing(self, "cursor", name, not_offered.CURSOR)

    @property
    def connection(self) -> Any:
        """The connection. Raises ProgrammingError where the cursor is closed."""
        self._check_open()
        return self._connection

    def _check_open(self) -> None:
        if self._connection is None:
            raise ProgrammingError("the cursor is closed: make another one")

    # -- statements ----------------------------------------------------------------------------------------------------------

    def execute(self, operation: Any, params: Any = None) -> None:
        """Run a statement, each `%s` or `%(name)s` in its code replaced by the literal of its value.

        Without parameters the statement is sent as it is.

        Raises ProgrammingError where the parameters do not fit, or the server's refusal.
        """
        if self._connection is None:
            self._check_open()
        if params:
            known = template(operation, params, self._sql_mode)
            self._send(known.filled(params), known)
        else:
            known = whole(operation)
            self._send(known.pieces[0], known)

    def _sql_mode(self) -> str:
        return str(self._commands.variables("@@session.sql_mode")[0])

    def _send(self, statement: bytes, known: Template) -> None:
        """Send a statement, made of its template, and read the start of its answer."""
        if self._sent:  # else it is as it began, as SQLAlchemy's nearly always
            self._results = ()
            self._show(NOTHING)
        self._sent = statement
        commands, can = self._commands, known.effects
        if can:
            if can & (effects.COMMITS | effects.NEXT_TRANSACTION | effects.WRITES):
                self._transaction.note(can)
            commands.left_behind |= can & (effects.LEAVES_STATE | effects.OUTLASTS_RESET)
        if len(statement) > effects.PINS_FROM:
            commands.left_behind |= effects.PINS
        try:
            answer = commands.exchange(QUERY + statement, self._read_timeout, self._write_timeout, known, self._whole)
        except Error as error:
            if error.errno == SYNTAX_ERROR and literals.HEXADECIMAL in statement:
                error.add_note(
                    "A text with a backslash is sent in hexadecimal (_utf8mb4 x'...'), so that every sql_mode reads it the same. A few places "
                    "of SQL take a quoted text only, such as SHOW ... LIKE: write the text into the statement there."
                )
            raise
        self._take(answer)
        if commands.status & MORE_RESULTS:
            self._read_on()

    def _read_on(self) -> None:
        """Read the results that follow the first, of a procedure or of several statements sent as one.

        So an error among them is one of `execute()`. SQLAlchemy reads the first result only and hides what `close()` raises: it would
        commit the work of a procedure that has failed.
        """
        found = [self._outcome()]
        self._show(NOTHING)
        while (answer := self._commands.next_result(self._read_timeout)) is not None:
            self._take(answer)
            found.append(self._outcome())
            self._show(NOTHING)
        self._show(found[0])
        self._results = found[1:]

    def _outcome(self) -> Outcome:
        return self.result_set, self._rows, self.rowcount, self.lastrowid, self.warning_count

    def _show(self, outcome: Outcome) -> None:
        self.result_set, self._rows, self.rowcount, self.lastrowid, self.warning_count = outcome
        self._next = 0

    def executemany(self, operation: Any, seq_of_params: Sequence[Any]) -> None:
        """Run a statement once for each set of parameters. `rowcount` is the sum.

        The rows of a plain INSERT go together into statements of up to 1 MiB; everything else runs as it is written.
        """
        self._check_open()
        given = list(seq_of_params)
        if not given:
            self.rowcount = 0
            return
        known = template(operation, given[0], self._sql_mode) if given[0] else None
        from .batches import BATCH_BYTES, Batch

        batch = Batch.of(known) if known is not None and len(given) > 1 else None
        literal_rows = [] if known is None or batch is None else [batch.row(known.values(params)) for params in given]
        if any(b"NULL" in row for row in literal_rows) and "STRICT_" not in self._sql_mode():
            # Without a strict mode a NULL for a NOT NULL column is refused in an INSERT of one row, and becomes 0 or '' in one of several.
            batch = None
        total = 0
        if batch is not None and known is not None:
            for statement in batch.statements(literal_rows, BATCH_BYTES):
                self._send(statement, known)
                total += self.rowcount
        else:
            for params in given:
                if known is None:
                    self.execute(operation, params)
                else:
                    self._send(known.filled(params), known)
                if self.with_rows:
                    self.fetchall()
                total += max(self.rowcount, 0)
        self.rowcount = total

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
        self._read_results()
        self._results = self._results[:-1]  # the last answer of a CALL is an OK without rows
        return self._commands.variables(*variables) if args else ()

    def _read_results(self) -> None:
        """Read what `execute()` has left of the results: nothing."""

    def setinputsizes(self, sizes: Any) -> None:
        """Do nothing: PEP 249 asks for the method."""

    def setoutputsize(self, size: Any, column: Any = None) -> None:
        """Do nothing: PEP 249 asks for the method."""

    # -- results -------------------------------------------------------------------------------------------------------------

    def _take(self, answer: Any) -> None:
        """Take the start of an answer: an `Ok`, a `ResultSet` or a `Whole`."""
        kind = type(answer)
        if kind is tuple:
            self.result_set, self._rows, self.warning_count = answer
            self.rowcount = len(self._rows)
        elif kind is Ok:
            self.rowcount, self.lastrowid, _, self.warning_count = answer
        else:
            self.result_set = result_set = ResultSet(answer.columns, raw=True) if self._raw else answer
            self._begin_rows(result_set)

    def _begin_rows(self, result_set: ResultSet) -> None:
        found, warnings = self._commands.rows(None, self._read_timeout, result_set.convert)
        self._rows = self._made(found, result_set)
        self.rowcount = len(self._rows)
        self.warning_count = warnings or 0

    def _made(self, found: list[Any], result_set: ResultSet) -> list[Any]:
        """Return the rows of which `found` has the payloads still. A value that can't be read closes the connection."""
        try:
            rows.read(found, result_set.columns, result_set.convert)
        except ProtocolError:
            self._commands.abandon()
            raise
        return found

    @property
    def statement(self) -> str | None:
        """The last statement as it was sent, with its values."""
        return self._sent.decode("utf-8", "replace") if self._sent else None

    @property
    def with_rows(self) -> bool:
        """Whether the last statement has a result with rows."""
        return self.result_set is not None

    @property
    def description(self) -> list[tuple[str, int, None, None, None, None, bool]] | None:
        """The columns of the result: name, type (one of mysql.connector.FieldType), four times None, nullable."""
        return None if self.result_set is None else self.result_set.description.copy()

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the result's columns."""
        return () if self.result_set is None else tuple(column.name for column in self.result_set.columns)

    def _check_rows(self) -> None:
        if self.result_set is None:
            self._check_open()
            raise InterfaceError("there is no result to fetch from: the last statement has none, or none was executed")

    def fetchone(self) -> Any:
        """Return the next row, None after the last."""
        if self.result_set is None:
            self._check_rows()
        at = self._next
        if at >= len(self._rows):
            return None
        self._next = at + 1
        return self._rows[at]

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next rows, at most `size` (None: `arraysize`)."""
        self._check_rows()
        begin = self._next
        found = self._rows[begin : begin + (self.arraysize if size is None else size)]
        self._next = begin + len(found)
        return list(found)

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        self._check_rows()
        found = self._rows[self._next :] if self._next else self._rows
        self._rows, self._next = (), 0
        return found if isinstance(found, list) else list(found)

    def nextset(self) -> bool | None:
        """Go on to the next result of a statement with several. Return None after the last."""
        self._check_open()
        if self._results:
            first, *self._results = self._results
            self._show(first)
            return True
        self.result_set, self._rows, self._next = None, (), 0
        return None

    def close(self) -> None:
        """Close the cursor."""
        self._connection = None
        self.result_set, self._rows, self._results = None, (), ()
