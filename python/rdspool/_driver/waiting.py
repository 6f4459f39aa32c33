"""When the waits on one connection end: at the limit of its connect, later at the nearest deadline."""

from __future__ import annotations

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

    __slots__ = ("_address", "_began", "bound", "limit", "margin", "part")

    def __init__(self, address: str) -> None:
        """Take the peer's address, for messages."""
        self._address = address
        self.limit: Limit | None = None
        """What ends each wait, while it is set: the limit of the connect. Otherwise it is the nearest deadline."""
        self.margin = deadlines.MARGIN
        """Seconds before the end of a Lambda invocation at which waits end."""
        self.part = 1.0
        """Part of the margin that is left when a wait ends: less of it for what tidies up."""
        self.bound: Limit | None = None
        """What ends the wait that goes on."""
        self._began = 0.0
        """When the command was sent, in seconds of the monotonic clock; kept where there is a limit."""

    def begin(self) -> None:
        """Note that a command is to be sent. Raises DeadlineError where the limit is over: then nothing is sent of it."""
        bound = self.limit or deadlines.nearest(self.margin, self.part)
        if bound is not None:
            if bound.left() <= 0:
                raise DeadlineError(f"the statement was not sent to {self._address}: the limit is over: {bound}", errno=TIMED_OUT)
            self._began = time.monotonic()

    def left(self) -> float | None:
        """Return the seconds that the next wait may take; None: as many as it needs. Raises DeadlineError where none are left."""
        bound = self.bound = self.limit or deadlines.nearest(self.margin, self.part)
        if bound is None:
            return None
        left = bound.left()
        if left <= 0:
            raise self._late(bound)
        return left

    def error(self) -> DeadlineError | None:
        """Return the error for a wait that has ended, where it was the limit that ended it."""
        bound = self.bound
        return self._late(bound) if bound is not None and bound.left() <= SLACK / 2 else None

    def _late(self, bound: Limit) -> DeadlineError:
        waited = max(0.0, time.monotonic() - max(self._began, bound.began))
        return DeadlineError(f"{self._address} did not answer for {waited:.3g} s, and the limit is over: {bound}", errno=TIMED_OUT)
