"""run(): a unit of work that is run whole again where the database asks for that, and never where it may have been committed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from mysql.connector.errors import Error

from . import deadlines
from ._driver import effects
from ._driver.attempts import jitter
from ._driver.disconnects import is_disconnect
from ._driver.error_numbers import RUN_AGAIN
from .errors import DeadlineError, OutcomeUnknownError, UnitError

ATTEMPTS: Final = 5
FIRST_PAUSE: Final = 0.02
"""Seconds of the first pause at most; each one after may take twice as long."""


class Begins[Unit](Protocol):
    """What begins a transaction for a block: SQLAlchemy's Engine, or its sessionmaker."""

    def begin(self) -> AbstractContextManager[Unit]:
        """Return the block's transaction: committed at its end, rolled back by an error."""


def run[Unit, Result](begins: Begins[Unit], work: Callable[[Unit], Result], *, attempts: int = ATTEMPTS) -> Result:
    """Call `work` in a transaction, and again in a new one where the database could not finish the first. Return what it returns.

    `begins` is an Engine, and `work` takes a Connection; or it is a sessionmaker, and `work` takes a Session. Run again are a deadlock (1213),
    a lock that did not come (1205), a row that another transaction changed (MariaDB's 1020), an RDS Proxy that got no connection to the
    database (9501), and the loss of the connection before the COMMIT was sent; `attempts` times at most, with growing pauses, and only while
    the deadline leaves time. `work` has to be one that may run twice: what it does outside of the database (a message, a file, a counter in a
    variable) happens each time.

    Nothing is run again after a COMMIT was sent: OutcomeUnknownError then says that it may have happened. Look for an id that the unit wrote.

    Raises UnitError where a part of the unit was committed before it failed: by a statement that commits by itself, as DDL does and
    everything under AUTOCOMMIT, or by the COMMIT of another connection, such as that of a Session's second engine. That part would happen
    twice. Raises TypeError where `work` is a generator or a coroutine: it would run after the transaction.
    """
    import inspect  # SQLAlchemy has imported it

    if inspect.isgeneratorfunction(work) or inspect.iscoroutinefunction(work) or inspect.isasyncgenfunction(work):
        raise TypeError(f"run() calls a plain function; {work!r} is a generator or a coroutine, which would run after the transaction")
    made = 0
    while True:
        made += 1
        with effects.watched() as seen:
            try:
                with begins.begin() as unit:
                    return work(unit)
            except Exception as error:
                if not _again(error):
                    raise
                if seen.committed:
                    raise UnitError(
                        "the unit of work failed after a part of it was committed, by a statement that commits by itself (DDL, or any "
                        "statement under AUTOCOMMIT) or by another connection: it is not run again, for that part would happen twice. Leave "
                        "such statements, and other connections, out of the unit"
                    ) from error
                pause = jitter(FIRST_PAUSE * 2**made)
                limit = deadlines.nearest()
                if made >= attempts or (limit is not None and limit.left() <= pause):
                    error.add_note(f"The unit of work was run {made} times; it failed each time in a way that another run can mend.")
                    raise
        time.sleep(pause)


def _again(error: BaseException) -> bool:
    """Return whether the error says that nothing was committed, and that another run may succeed."""
    cause: Any = getattr(error, "orig", error)
    if isinstance(cause, (OutcomeUnknownError, DeadlineError)) or not isinstance(cause, Error):
        return False
    return cause.errno in RUN_AGAIN or is_disconnect(cause)
