"""get_engine() on SQLite, for tests that need no MySQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import QueuePool

from .. import engine as engines
from .._settings.defaults import ISOLATION_LEVELS
from ..deadlines import USUAL_UNKNOWN


@contextmanager
def in_sqlite(file: Path) -> Iterator[None]:
    """Let get_engine() return engines on the SQLite database in `file`, which is made, until the block ends.

    All engines share the database, and each has one connection, as on MySQL. Settings are read and checked as ever: set RDSPOOL_HOST,
    RDSPOOL_USER and RDSPOOL_PASSWORD to anything. Foreign keys are checked, as MySQL does. SQLite knows little of MySQL's SQL and types, and
    nothing of its locks: what uses those needs a real MySQL.
    """

    def new_engine(settings: Any, passed_on: dict[str, Any]) -> Engine:
        # With autocommit=False sqlite3 begins transactions as MySQL does: before a SELECT and a SAVEPOINT, too.
        made = create_engine(
            f"sqlite:///{file}",
            connect_args={"autocommit": False},
            **{"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0, "pool_timeout": USUAL_UNKNOWN, **passed_on},
        )
        dialect: Any = made.dialect
        dialect.set_isolation_level = _set_isolation_level
        dialect.get_isolation_level_values = lambda _: ISOLATION_LEVELS
        event.listen(made, "connect", partial(_begin, settings.isolation_level))
        return made

    engines.reset()
    with patch.object(engines, "_new_engine", new_engine):
        try:
            yield
        finally:
            engines.reset()


def _set_isolation_level(dbapi_connection: Any, level: str) -> None:
    dbapi_connection.autocommit = level == "AUTOCOMMIT"


def _begin(level: str | None, dbapi_connection: Any, _: Any) -> None:
    dbapi_connection.autocommit = True  # the PRAGMA does nothing in a transaction
    dbapi_connection.execute("PRAGMA foreign_keys = ON")
    dbapi_connection.autocommit = level == "AUTOCOMMIT"
