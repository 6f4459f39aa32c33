"""What SQLAlchemy asks at its first connect, answered from one SELECT.

Wraps the cursors of that connect instead of overriding the methods that ask: SQLAlchemy's events and tests see the statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .connection import Connection


class ProbeCursor:
    """A cursor that knows the results of some statements, each of one row and column, and sends all others."""

    def __init__(self, cursor: Any, answers: Mapping[str, Any]) -> None:
        self._cursor = cursor
        self._answers = answers
        self._statement: str | None = None
        self._rows: list[tuple[Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def execute(self, operation: Any, params: Any = None) -> None:
        """Run a statement; one whose result is known is not sent."""
        if params or operation not in self._answers:
            self._statement = None
            self._cursor.execute(operation, params)
        else:
            self._statement, self._rows = operation, [(self._answers[operation],)]

    @property
    def description(self) -> Any:
        """The columns of the result."""
        return self._cursor.description if self._statement is None else [(self._statement, None, None, None, None, None, True)]

    @property
    def rowcount(self) -> int:
        """The number of rows of the result."""
        return int(self._cursor.rowcount) if self._statement is None else 1

    def fetchone(self) -> Any:
        """Return the next row, None after the last."""
        if self._statement is None:
            return self._cursor.fetchone()
        return self._rows.pop() if self._rows else None

    def fetchall(self) -> Any:
        """Return the rows that are left."""
        if self._statement is None:
            return self._cursor.fetchall()
        rows, self._rows = self._rows, []
        return rows

    def fetchmany(self, size: int = 1) -> Any:
        """Return the next rows, at most `size`."""
        return self._cursor.fetchmany(size) if self._statement is None else self.fetchall()


def _questions(connection: Connection) -> dict[str, str]:
    """Return SQLAlchemy's statements at a first connect, each with the expression that answers it."""
    isolation_level = f"@@{connection.isolation_variable}"
    return {
        "SELECT VERSION()": "VERSION()",
        "SELECT DATABASE()": "DATABASE()",
        "SELECT @@transaction_isolation": isolation_level,
        "SELECT @@tx_isolation": isolation_level,
        "SELECT @@sql_mode": "@@sql_mode",
        "SELECT @@lower_case_table_names": "@@lower_case_table_names",
    }


def set_up(connection: Connection, more: Sequence[str] | None) -> None:
    """Set the session up. Where `more` is a sequence, ask in the same flight for these expressions and what SQLAlchemy asks for."""
    asked = [] if more is None else _expressions(connection, *more)
    values = connection.session.set_up(*asked)
    if values is not None:
        connection.asked = dict(zip(asked, values, strict=True))


def _expressions(connection: Connection, *more: str) -> list[str]:
    return list(dict.fromkeys((*_questions(connection).values(), *more)))


def ask(connection: Connection, *more: str) -> dict[str, Any]:
    """Return the values of what SQLAlchemy asks for at its first connect, and of `more` expressions, asked with one SELECT."""
    asked = _expressions(connection, *more)
    return dict(zip(asked, connection.variables(*asked), strict=True))


@contextmanager
def asked_together(connection: Connection) -> Iterator[None]:
    """Within the block, answer SQLAlchemy's statements from one SELECT: this one's, or that of the connect where it asked already."""
    values = connection.asked or ask(connection)
    answers = {statement: values[expression] for statement, expression in _questions(connection).items()}
    make = connection.cursor
    # Patched on this one object and for this block only, so other cursors pay nothing.
    vars(connection)["cursor"] = lambda *args, **options: ProbeCursor(make(*args, **options), answers)
    try:
        yield
    finally:
        del vars(connection)["cursor"]
