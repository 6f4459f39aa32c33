"""Waits for what another process does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable

_PATIENCE = 120.0
"""Seconds. No measure of speed: what has not happened by then on a busy machine will not happen, and the test would hang."""


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return when `condition()` is true. Raise AssertionError with `what` was waited for where it stays false for two minutes."""
    end = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {_PATIENCE:g} s in vain: {what}")
        time.sleep(0.02)
