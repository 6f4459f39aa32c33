"""The pool: one connection, checked at each checkout, replaced before the server ends it."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import exc
from sqlalchemy.pool import QueuePool
from sqlalchemy.util.queue import Empty, Full, Queue

from . import deadlines
from ._driver.lives import DIRTY
from .deadlines import Limit

POOL_SIZE: Final = 1
"""A Lambda environment serves one request at a time."""
IDLE_GAP: Final = 5.0
"""Seconds: a connection used within them is hot, and a look at its socket is enough; one idle for longer is asked with a ping."""


class ConnectionQueue(Queue[Any]):
    """SQLAlchemy's queue. What needs no wait, which is nearly everything, takes its lock at once: a checkout and a return cost 15 calls less."""

    _waiting = 0
    """How many threads wait to get something."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        with self.mutex:
            # Nobody waits to put something in, whom a free place would wake: the pool closes what it has no room for.
            if self.queue:
                return self.queue.pop() if self.use_lifo else self.queue.popleft()
            if not block:
                raise Empty
            self._waiting += 1
        try:
            return super().get(block, timeout)
        finally:
            with self.mutex:
                self._waiting -= 1

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        with self.mutex:
            if not 0 < self.maxsize <= len(self.queue):
                self.queue.append(item)
                if self._waiting:
                    self.not_empty.notify()
                return
        super().put(item, block, timeout)


class EnginePool(QueuePool):
    """SQLAlchemy's QueuePool, which looks at each connection before it goes out, and says what waiting in vain means in a function.

    It does by itself what other pools do by `pool_pre_ping` and by listeners (`RdspoolDialect.engine_created()`): a statement costs 10 calls less.
    """

    _queue_class = ConnectionQueue

    def __init__(
        self,
        creator: Any,
        timeout: float | None = None,
        deadline_margin: float = deadlines.MARGIN,
        engine_name: str | None = None,
        **options: Any,
    ) -> None:
        """Take QueuePool's arguments, by position or name: create_engine() looks for names that can be both.

        `timeout` is in seconds; None: as long as a connect takes. The invocation's deadline is earlier.
        """
        self._given = timeout
        self._margin = deadline_margin
        self._engine_name = engine_name
        self.notes: Any = None
        """Notes which connections are out: it has `taken()` and `given_back()`, as listeners to "checkout" and "checkin". None: nothing does."""
        super().__init__(creator, **options)
        self._oldest = math.inf if self._recycle < 0 else float(self._recycle)

    @property
    def _timeout(self) -> float:
        """Seconds that QueuePool waits for a connection, asked anew for each wait."""
        return max(0.0, self._limit(time.monotonic()).left())

    @_timeout.setter
    def _timeout(self, _: float) -> None:
        """Ignore what QueuePool's constructor sets."""

    def _limit(self, began: float) -> Limit:
        """Return the limit of a wait that began then, in seconds of the monotonic clock."""
        seconds = deadlines.usual() if self._given is None else self._given
        return deadlines.within(seconds, "pool_timeout", self._margin, began=began)

    def recreate(self) -> EnginePool:
        """Return a new pool like this one."""
        made: Any = super().recreate()
        made._given, made._margin, made._engine_name, made.notes = self._given, self._margin, self._engine_name, self.notes
        return made  # type: ignore[no-any-return]

    def _do_get(self) -> Any:
        try:
            entry: Any = self._pool.get(False)  # nearly always: no wait, so nothing of its limit is worked out
        except Empty:
            entry = None
        if entry is None:  # not above, where all errors would be shown with that of the empty queue
            began = time.monotonic()
            try:
                entry = super()._do_get()
            except exc.TimeoutError as error:
                raise exc.TimeoutError(
                    f"the engine's connections (pool_size={self.size()}) are all in use, and none came back within {self._limit(began)}. With "
                    "one connection that is most often a `with engine.connect()` (or a Session) within another one: use the outer one's "
                    f"connection, close it first, or call get_engine({'' if self._engine_name is None else f'{self._engine_name!r}, '}pool_size=2)"
                ) from error
        connection = entry.dbapi_connection
        try:
            if connection is not None and not connection.usable(IDLE_GAP, entry.starttime + self._oldest):
                entry.invalidate()  # the pool makes a new one
        except BaseException as error:
            entry.invalidate(error)
            self._do_return_conn(entry)
            raise
        return entry

    def connect(self) -> Any:
        """Return a connection of the pool, in SQLAlchemy's proxy."""
        taken = super().connect()
        connection: Any = taken.dbapi_connection
        if not connection.session_kept:  # now, because listeners to the pool's "connect" can have set variables
            connection.keep_session()
        if self.notes is not None:
            self.notes.taken(connection, taken._connection_record, taken)
        return taken

    def _do_return_conn(self, record: Any) -> None:
        connection = record.dbapi_connection
        try:
            if self.notes is not None:
                self.notes.given_back(connection, record)
            if connection is not None:
                came_back(connection, record)
        finally:
            try:
                self._pool.put(record, False)
            except Full:
                super()._do_return_conn(record)  # which closes it


def goes_out(dbapi_connection: Any, *_: Any) -> None:
    """Listen to a pool's checkouts: take the session as it is at the first one for what it is to be at each.

    Listeners to the pool's "connect" can have set variables, for as long as the connection lives.
    """
    if dbapi_connection.closed:  # by the end of an invocation or a snapshot; pools without pool_pre_ping do not look
        raise exc.DisconnectionError("the connection was closed while it lay in the pool")
    if not dbapi_connection.session_kept:
        dbapi_connection.keep_session()


def came_back(dbapi_connection: Any, entry: Any) -> None:
    """Listen to a pool's checkins: let the connection be as it was when it went out, or let the pool replace it."""
    if dbapi_connection is None:
        return
    with suppress(dbapi_connection.Error):  # it can't be brought back: the next one is new
        if dbapi_connection.restore():
            return
    if not dbapi_connection.closed:
        dbapi_connection.life.ended(DIRTY)
        dbapi_connection.close()
    entry.invalidate()


def arguments(recycle: int, deadline_margin: float, engine_name: str | None = None) -> dict[str, Any]:
    """Return the arguments of create_engine() that make the pool; the first two are in seconds."""
    return {
        "poolclass": EnginePool,
        "pool_size": POOL_SIZE,
        "max_overflow": 0,
        "pool_recycle": recycle,
        "deadline_margin": deadline_margin,
        "engine_name": engine_name,
    }
