"""Waits for what another process does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable

_PATIENCE = 120.0
"""Seconds. This measures no speed: what has not happened by then, on a busy machine too, will not happen, and the test would hang."""


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return when `condition()` is true. Raise AssertionError, which names `what`, where it stays false for two minutes."""
    end = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {_PATIENCE:g} s in vain: {what}")
        time.sleep(0.02)
