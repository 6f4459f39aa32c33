"""How long each step of a connect took."""

from __future__ import annotations

import time


class Stopwatch:
    """Takes the time of one step after the other."""

    __slots__ = ("_at", "steps")

    def __init__(self) -> None:
        self._at = time.monotonic()
        self.steps: dict[str, float] = {}
        """Seconds by the step's name, in the order of the steps."""

    def lap(self, step: str) -> None:
        """Note that a step is over."""
        now = time.monotonic()
        self.steps[step] = now - self._at
        self._at = now
