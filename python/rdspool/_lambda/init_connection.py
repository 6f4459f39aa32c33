"""The connection made during init: in a thread, while the function's module is still being imported."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from ..deadlines import Limit

_JUST: Final = 5.0
"""Seconds: a function's first request follows its init at once, but with provisioned concurrency it can be hours later."""

logger: Final = logging.getLogger("rdspool")


class InitConnection:
    """Calls `make` in a thread and keeps its result, or its failure, until the creator takes it."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None
        self._failure: BaseException | None = None
        self._failed_at = 0.0
        self._began = time.time()
        self._process = os.getpid()
        # A daemon: an environment that is shut down while it connects must not wait for it.
        self._thread = threading.Thread(target=self._run, name="rdspool-connect", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._made = self._make()
        except BaseException as failure:  # noqa: BLE001 - take() reports it
            self._failed_at = time.time()
            self._failure = failure

    def take(self, usable_for: float, idle_gap: float, limit: Limit) -> Any:
        """Return the connection, waiting for it if need be; None where it is older than `usable_for` seconds, lost, or was never made.

        A failure is logged as a warning: the caller then connects by itself, and raises what it meets, with the earlier failure
        as a note. Raises TimeoutError where it is not there yet at the limit.
        """
        if os.getpid() != self._process:
            return None  # a child of a fork: the connection is its parent's
        self._thread.join(max(0.0, limit.left()))
        if self._thread.is_alive():
            raise TimeoutError
        made, self._made = self._made, None
        if made is not None and (time.time() - self._began >= usable_for or not made.usable(idle_gap)):
            # The environment was frozen between its init and its first request, which with provisioned concurrency can be hours.
            made.close()
            made = None
        if self._failure is not None:
            logger.warning("the connection made during init failed: %s", self._failure)
        return made

    @property
    def just_failed(self) -> bool:
        """Whether it failed so shortly ago that it would fail again."""
        return self._failure is not None and time.time() - self._failed_at < _JUST

    @property
    def failure(self) -> BaseException | None:
        """What the thread met, once it has ended."""
        return self._failure
