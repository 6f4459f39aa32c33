"""Roll back what code did with an engine, its own commits too.

SQLAlchemy's documentation shows this for a Connection and a Session that a test makes ("Joining a Session into an External Transaction"). A
handler makes its own, from its engine. So here each connection of the engine begins a transaction that nobody ends, and what the code takes
for transactions are savepoints in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import Engine

_SAVEPOINT: Final = "SAVEPOINT rdspool_testing"
_METHODS: Final = ("do_commit", "do_rollback", "set_isolation_level")
"""What SQLAlchemy calls on a dialect that would end the transaction. MySQL commits where autocommit is switched on."""


@contextmanager
def rolled_back(engine: Engine) -> Iterator[None]:
    """Roll back all that the engine does in the block, at its end.

    In the block a commit keeps what was written for the rest of the block. Each connection has a transaction of its own, so one does not see
    what another has written; get_engine()'s pool has one connection. Isolation levels stay as they are, also AUTOCOMMIT's.

    Raises RuntimeError, at the next commit, where a statement has ended the transaction: one that commits by itself, as all of DDL does on
    MySQL, or a deadlock. Make tables outside of the block.
    """
    dialect: Any = engine.dialect
    begun: dict[int, tuple[Any, bool]] = {}
    """By id: each connection, and whether the code has it commit each statement."""

    def begin(dbapi_connection: Any, _: Any) -> None:
        begun[id(dbapi_connection)] = (dbapi_connection, dbapi_connection.autocommit is True)
        if not dbapi_connection.in_transaction:
            _run(dbapi_connection, "BEGIN")
        _run(dbapi_connection, _SAVEPOINT)

    def commit(connection: Any) -> None:
        dbapi_connection = _bare(connection)
        if id(dbapi_connection) in begun:
            # MySQL replaces a savepoint by another of its name, SQLite keeps both: so the first is released.
            savepoint(dbapi_connection, f"RELEASE {_SAVEPOINT}", _SAVEPOINT)
        else:
            dbapi_connection.commit()

    def roll_back(connection: Any) -> None:
        dbapi_connection = _bare(connection)
        if id(dbapi_connection) not in begun:
            dbapi_connection.rollback()
        elif begun[id(dbapi_connection)][1]:
            commit(connection)
        elif not getattr(dbapi_connection, "closed", False):  # else the server has rolled back all
            savepoint(dbapi_connection, f"ROLLBACK TO {_SAVEPOINT}")

    def set_level(dbapi_connection: Any, level: str) -> None:
        begun[id(dbapi_connection)] = (dbapi_connection, level == "AUTOCOMMIT")

    def savepoint(dbapi_connection: Any, *statements: str) -> None:
        try:
            _run(dbapi_connection, *statements)
        except dialect.loaded_dbapi.Error as error:
            if "does not exist" not in str(error) and "no such savepoint" not in str(error):
                raise
            raise RuntimeError(
                "the transaction that is to be rolled back has ended: a statement has committed it (on MySQL all of DDL does), or a deadlock "
                "has rolled it back. Make tables before it begins, and test deadlocks without it"
            ) from error

    engine.dispose()  # a connection from before has no transaction
    event.listen(engine, "connect", begin)
    kept = dialect.__dict__.copy()
    dialect.do_commit, dialect.do_rollback, dialect.set_isolation_level = commit, roll_back, set_level
    try:
        yield
    finally:
        for name in _METHODS:
            delattr(dialect, name)
            if name in kept:
                setattr(dialect, name, kept[name])
        event.remove(engine, "connect", begin)
        for dbapi_connection, _ in begun.values():
            # One that the code has lost or closed was rolled back by that.
            with suppress(dialect.loaded_dbapi.Error):
                dbapi_connection.rollback()
        engine.dispose()


def _run(dbapi_connection: Any, *statements: str) -> None:
    cursor = dbapi_connection.cursor()
    try:
        for statement in statements:
            cursor.execute(statement)
    finally:
        cursor.close()


def _bare(connection: Any) -> Any:
    """Return the driver's connection of the pool's."""
    return getattr(connection, "dbapi_connection", connection)
