"""Attempts to connect: what can pass is tried again, with pauses that grow and differ between the environments that wait."""

from __future__ import annotations

import socket
import time
from typing import Final

from ..deadlines import Limit
from ..errors import ConnectError, ConnectTimeoutError, ProxyTimeoutError, ReadOnlyServerError, TooManyConnectionsError, UnreachableError
from .error_numbers import ACCESS_DENIED
from .sign_in import UnverifiedAnswerError

FIRST_PAUSE: Final = 0.05
"""Seconds of the first pause at most; each one after may take twice as long."""
LONGEST_PAUSE: Final = 1.0
"""Seconds of a pause at most."""
_NEEDED: Final = 0.05
"""Seconds that a connect needs at least: with less left, another attempt is not begun."""


def jitter(most: float) -> float:
    """Return the seconds of a pause: some up to `most`."""
    import random

    # Not the module's own generator: the environments that were restored from one snapshot would all draw the same.
    return random.SystemRandom().uniform(0, most)


class Attempts:
    """The attempts of one connect, within its limit.

    The pauses are those of exponential backoff with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): environments that
    were refused at one moment do not come back at one moment.
    """

    def __init__(self, limit: Limit, *, restarts: bool = False) -> None:
        """Take the limit, and whether a server that is not reached can be one that restarts: it was reached before, or a writer is looked for."""
        self._limit = limit
        self._restarts = restarts
        self._awaited: ConnectError | None = None
        self._began = time.monotonic()
        self.made = 0
        """Those that have failed."""

    def wait_after(self, error: ConnectError, *, proven: bool) -> None:
        """Wait before another attempt. Raises the error, with the number of attempts, where none can help or no time is left.

        `proven`: the same sign-in has worked before, so its refusal (1045) can be IAM's throttling, which has no number of its own.
        """
        self.made += 1
        if isinstance(error, ConnectTimeoutError) and self._awaited is not None:
            # The limit has cut this attempt short. What it was made again for says more than the place where it was.
            raise self._in_vain(self._awaited) from error
        if not self._can_pass(error, proven=proven):
            raise error
        self._awaited = error
        pause = jitter(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self.made - 1)))
        if self._limit.left() < pause + _NEEDED:
            if self.made == 1:
                raise error
            raise self._in_vain(error) from error
        time.sleep(pause)

    def _can_pass(self, error: ConnectError, *, proven: bool) -> bool:
        if isinstance(error, (TooManyConnectionsError, ProxyTimeoutError, ReadOnlyServerError)) or (
            proven and error.errno == ACCESS_DENIED
        ):
            return True
        # A server that restarts, as both do in a failover, refuses connections meanwhile. A name without an address is a typing error.
        # What answers before TLS is verified by nobody, so that it decides on nothing.
        cause = error.__cause__
        if isinstance(cause, UnverifiedAnswerError) or isinstance(getattr(cause, "__cause__", None), socket.gaierror):
            return False
        return self._restarts and isinstance(error, UnreachableError) and not isinstance(error, ConnectTimeoutError)

    def _in_vain(self, error: ConnectError) -> ConnectError:
        waited = time.monotonic() - self._began
        return type(error)(
            f"{error.msg}. It was tried {self.made} times in {waited:.1f} s; the limit is {self._limit}",
            errno=error.errno,
            sqlstate=error.sqlstate,
        )
