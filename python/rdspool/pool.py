"""The pool: one connection, checked at each checkout, replaced before the server ends it."""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy import exc
from sqlalchemy.pool import QueuePool
from sqlalchemy.util.queue import Empty, Queue

from . import deadlines
from .deadlines import Limit

POOL_SIZE: Final = 1
"""A Lambda environment serves one request at a time."""
IDLE_GAP: Final = 5.0
"""Seconds: a connection used within them is hot, and a look at its socket is enough; one idle for longer is asked with a ping."""


class ConnectionQueue(Queue[Any]):
    """SQLAlchemy's queue. What needs no wait, which is nearly everything, takes its lock at once: a checkout and a return cost 15 calls less."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        with self.mutex:
            # Nobody waits to put something in, whom a free place would wake: the pool closes what it has no room for.
            if self.queue:
                return self.queue.pop() if self.use_lifo else self.queue.popleft()
        return super().get(block, timeout)

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        with self.mutex:
            if not 0 < self.maxsize <= len(self.queue):
                self.queue.append(item)
                self.not_empty.notify()
                return
        super().put(item, block, timeout)


class EnginePool(QueuePool):
    """SQLAlchemy's QueuePool, which says what waiting in vain means in a function."""

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
        super().__init__(creator, **options)

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
        made._given, made._margin, made._engine_name = self._given, self._margin, self._engine_name
        return made  # type: ignore[no-any-return]

    def _do_get(self) -> Any:
        try:
            return self._pool.get(False)  # nearly always: no wait, so nothing of its limit is worked out
        except Empty:
            began = time.monotonic()
        try:
            return super()._do_get()
        except exc.TimeoutError as error:
            raise exc.TimeoutError(
                f"the engine's connections (pool_size={self.size()}) are all in use, and none came back within {self._limit(began)}. With one "
                "connection that is most often a `with engine.connect()` (or a Session) within another one: use the outer one's "
                f"connection, close it first, or call get_engine({'' if self._engine_name is None else f'{self._engine_name!r}, '}pool_size=2)"
            ) from error


def arguments(recycle: int, deadline_margin: float, engine_name: str | None = None) -> dict[str, Any]:
    """Return the arguments of create_engine() that make the pool; the first two are in seconds."""
    return {
        "poolclass": EnginePool,
        "pool_size": POOL_SIZE,
        "max_overflow": 0,
        "pool_recycle": recycle,
        "deadline_margin": deadline_margin,
        "engine_name": engine_name,
        # Calls the dialect's do_ping() at each checkout, which lets a hot connection pass without a round trip.
        "pool_pre_ping": True,
        "pre_ping_idle_only": True,
    }
