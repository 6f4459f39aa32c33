"""How near the server is to its limit of connections, and giving connections back at the end of an invocation where it is near.

A frozen environment keeps its connection, and no one can ask it to let go. So each environment looks, rarely and in the same flight as a
ROLLBACK, and gives its own back before it is frozen.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import Any, Final

from . import invocation

NEAR: Final = 0.7
"""Share of max_connections from which the server is near its limit: the rest is for environments that connect at this moment."""
INTERVAL: Final = 10.0
"""Seconds between two questions of one environment."""
REMEMBERED: Final = 60.0
"""Seconds for which a refusal for too many connections counts."""

_QUESTIONS: Final = (b"SELECT @@max_connections", b"SHOW GLOBAL STATUS LIKE 'Threads_connected'")
"""Any user may ask them, on MySQL and MariaDB."""

KEEP: Final = "keep"
YIELD: Final = "yield"


class Pressure:
    """What is known of the limit of one engine's server. `mode` is the setting: automatic, keep or yield."""

    questions = _QUESTIONS

    def __init__(self, mode: str, yielded: Callable[[], object] = lambda: None) -> None:
        """Take the setting, and what is called after connections were given back."""
        self.mode = mode
        self.yielded = yielded
        self._near = False
        self._asked_at = float("-inf")
        self._refused_at = float("-inf")

    def due(self) -> bool:
        """Return whether the server is to be asked now."""
        # By the wall clock: a freeze counts.
        return self.mode != KEEP and self.mode != YIELD and not 0 <= time.time() - self._asked_at < INTERVAL

    def take(self, answers: list[list[Any]]) -> None:
        """Take the answers to `questions`, each the values of its last row. What can't be read counts as far from the limit."""
        self._asked_at = time.time()
        try:
            limit, connected = int(answers[0][-1]), int(answers[1][-1])
        except (IndexError, TypeError, ValueError):
            self._near = False
            return
        self._near = connected >= limit * NEAR

    def refused(self) -> None:
        """Note that the server refused a connection because it has too many."""
        self._refused_at = time.time()

    @property
    def yields(self) -> bool:
        """Whether connections are to be given back at the end of the invocation."""
        if self.mode == YIELD:
            return True
        return self.mode != KEEP and (self._near or 0 <= time.time() - self._refused_at < REMEMBERED)


_engines: Final[weakref.WeakKeyDictionary[Any, Pressure]] = weakref.WeakKeyDictionary()


def give_back_at_end(engine: Any, pressure: Pressure) -> None:
    """Give the engine's idle connections back at the end of each invocation where `pressure` says so."""
    _engines[engine] = pressure
    invocation.at_end(give_back)


def give_back() -> None:
    """Close the idle connections of the engines whose servers are near their limits."""
    for engine, pressure in list(_engines.items()):
        if pressure.yields and engine.pool.checkedin():
            engine.dispose()
            pressure.yielded()
