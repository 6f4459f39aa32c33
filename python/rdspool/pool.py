"""The pool: one connection, checked at each checkout, replaced before the server ends it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import exc
from sqlalchemy.pool import QueuePool

POOL_SIZE: Final = 1
"""A Lambda environment serves one request at a time."""
IDLE_GAP: Final = 5.0
"""Seconds: a connection used within them is hot, and a look at its socket is enough; one idle for longer is asked with a ping."""
POOL_TIMEOUT: Final = 5.0
"""Seconds: with one connection, waiting for a second is most often a `with engine.connect()` inside another one, which never ends."""


class EnginePool(QueuePool):
    """SQLAlchemy's QueuePool, which says what waiting in vain means in a function."""

    def _do_get(self) -> Any:
        try:
            return super()._do_get()
        except exc.TimeoutError as error:
            raise exc.TimeoutError(
                f"the engine's connections (pool_size={self.size()}) are all in use, and none came back within {self.timeout():g} s. With one "
                "connection that is most often a `with engine.connect()` (or a Session) within another one: use the outer one's "
                "connection, close it first, or call get_engine(pool_size=2)"
            ) from error


def arguments(recycle: int) -> dict[str, Any]:
    """Return the arguments of create_engine() that make the pool; `recycle` is in seconds."""
    return {
        "poolclass": EnginePool,
        "pool_size": POOL_SIZE,
        "max_overflow": 0,
        "pool_timeout": POOL_TIMEOUT,
        "pool_recycle": recycle,
        # Calls the dialect's do_ping() at each checkout, which lets a hot connection pass without a round trip.
        "pool_pre_ping": True,
        "pre_ping_idle_only": True,
    }
