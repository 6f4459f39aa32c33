"""The lives of the connections of one engine: why each has ended, which is why the next one is made."""

from __future__ import annotations

import time
from typing import Final

FIRST: Final = "first"
"""There was none before."""
RECYCLE: Final = "recycle"
"""The one before was older than `pool_recycle`."""
LOST: Final = "lost"
"""The server, the network or a time-out ended the one before."""
DIRTY: Final = "dirty"
"""The session of the one before could not be brought back to what it was, or was not given back at the end of an invocation."""
FAILOVER: Final = "failover"
"""The one before led to a server that takes no writes any more."""
YIELD: Final = "yield"
"""The one before was given back at the end of an invocation, because the server was near its limit of connections or by the setting."""
CLOSED: Final = "closed"
"""The one before was closed for another reason: engine.dispose(), invalidate(), a snapshot."""
MORE: Final = "more"
"""All others are in use: the pool has room for several."""

REASONS: Final = (FIRST, RECYCLE, LOST, DIRTY, FAILOVER, YIELD, CLOSED, MORE)
_MOST: Final = 100
"""Lives that are kept at most. One that nobody ended, because its connection was only forgotten, would stay for ever."""


class Life:
    """The life of one connection."""

    __slots__ = ("began", "end")

    def __init__(self) -> None:
        self.began = time.time()
        """Unix time in seconds: over a freeze the monotonic clock can stand still."""
        self.end: str | None = None
        """Why it has ended; None while it lasts."""

    def ended(self, why: str) -> None:
        """Note why the connection ends. The first reason counts: what follows only tidies up."""
        if self.end is None:
            self.end = why


class Lives:
    """The connections of one engine. It keeps nothing of the connections themselves."""

    def __init__(self, recycle: float | None = None) -> None:
        self.recycle = recycle
        """`pool_recycle` in seconds. None, or below 0 as in SQLAlchemy: no connection is replaced for its age."""
        self._lives: list[Life] = []
        self._any = False

    def begin(self, life: Life) -> str:
        """Take the life of a new connection, and return why it was made: one of `REASONS`."""
        why = self._why()
        self._any = True
        self._lives = [*self._lives[1 - _MOST :], life]
        return why

    def _why(self) -> str:
        over = next((life for life in self._lives if life.end is not None), None)
        if over is None or over.end is None:
            return MORE if self._any else FIRST
        self._lives = [life for life in self._lives if life is not over]
        if over.end == CLOSED and self.recycle is not None and 0 <= self.recycle <= time.time() - over.began:
            return RECYCLE
        return over.end

    def yielded(self) -> int:
        """Note that the connections that were closed just now, and not replaced yet, were given back. Return how many they are."""
        closed = [life for life in self._lives if life.end == CLOSED]
        for life in closed:
            life.end = YIELD
        return len(closed)
