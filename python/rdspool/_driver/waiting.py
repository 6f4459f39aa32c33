"""When the waits on one connection end: at the limit of its connect, later at the nearest deadline."""

from __future__ import annotations

import math
import time
from typing import Final

from .. import deadlines
from ..deadlines import Limit
from ..errors import DeadlineError
from .error_numbers import TIMED_OUT

SLACK: Final = 0.05
"""Seconds by which the socket may wait beyond a limit: setting its time-out costs a system call, which most commands so leave out."""


class Waiting:
    """Knows what ends the next wait of one connection."""

    __slots__ = ("_address", "_limit", "began", "bound", "margin", "part")

    def __init__(self, address: str) -> None:
        """Take the peer's address, for messages."""
        self._address = address
        self._limit: Limit | None = None
        self.margin = deadlines.MARGIN
        """Seconds before the end of a Lambda invocation at which waits end."""
        self.part = 1.0
        """Part of the margin that is left when a wait of the command that runs ends: less of it for what tidies up."""
        self.bound: Limit | None = None
        """What ends the waits of the command that runs; None: nothing."""
        self.began = 0.0
        """When the command was sent, in seconds of the monotonic clock; kept where there is a limit."""

    def limit(self, limit: Limit | None) -> None:
        """Let all waits end at `limit`, such as that of a connect; with None again at the nearest deadline."""
        self._limit = limit
        self.renew()

    def renew(self) -> None:
        """Take the nearest deadline as it is now: an answer can be read on in another block than the one that its command was sent in."""
        self.bound = self._limit or deadlines.nearest(self.margin, self.part)

    def begin(self, part: float = 1.0) -> None:
        """Note that a command is to be sent, with its `part`. Raises DeadlineError where the limit is over: then nothing is sent of it."""
        self.part = part
        bound = self.bound = self._limit or deadlines.nearest(self.margin, part)
        if bound is not None:
            self.began = time.monotonic()
            if bound.at <= self.began:
                raise DeadlineError(
                    f"the statement was not sent to {self._address}: the limit is over: {bound}. Make the limit longer, or do less before it",
                    errno=TIMED_OUT,
                )

    def resume(self, part: float, began: float) -> None:
        """Go on with a command that was sent at `began`, in seconds of the monotonic clock, with its `part`: its answer is still to be read."""
        self.part, self.began = part, began
        self.renew()

    def left(self) -> float:
        """Return the seconds that the next wait may take, infinity where nothing ends it. Raises DeadlineError where none are left."""
        bound = self.bound
        if bound is None:
            return math.inf
        left = bound.at - time.monotonic()
        if left <= 0:
            raise self._late(bound)
        return left

    def error(self) -> DeadlineError | None:
        """Return the error for a wait that has ended, where it was the limit that ended it."""
        bound = self.bound
        return self._late(bound) if bound is not None and bound.left() <= SLACK / 2 else None

    def _late(self, bound: Limit) -> DeadlineError:
        waited = max(0.0, time.monotonic() - max(self.began, bound.began))
        return DeadlineError(
            f"{self._address} did not answer for {waited:.3g} s, and the limit is over: {bound}. Make the statement faster, or the limit longer",
            errno=TIMED_OUT,
        )
