"""Metrics for CloudWatch: one line in Embedded Metric Format at the end of an invocation that used the database. Imported only where it is asked for.

Source: Amazon CloudWatch User Guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any, Final

from . import _connect_log
from ._aws import token
from ._connect_log import NewConnection
from ._lambda import invocation
from .pool import EnginePool

NAMESPACE: Final = "rdspool"
DIMENSION: Final = "FunctionName"
_COUNT: Final = "Count"
_MILLISECONDS: Final = "Milliseconds"
UNITS: Final = {
    "Opened": _COUNT,
    "OpenedFirst": _COUNT,
    "OpenedRecycle": _COUNT,
    "OpenedLost": _COUNT,
    "OpenedDirty": _COUNT,
    "OpenedFailover": _COUNT,
    "OpenedYield": _COUNT,
    "OpenedClosed": _COUNT,
    "OpenedMore": _COUNT,
    "Reused": _COUNT,
    "Failed": _COUNT,
    "Retries": _COUNT,
    "TokensSigned": _COUNT,
    "Yielded": _COUNT,
    "ConnectTime": _MILLISECONDS,
    "CheckoutTime": _MILLISECONDS,
}
"""The metrics. A count stands in the line where it is above zero, `Opened` and `Reused` always; a time has a value per connect or checkout."""
_MOST_VALUES: Final = 100
"""Values of one metric in a line at most, as the format has it."""
_COUNTED: Final = "rdspool has counted this connection"

_lock = threading.Lock()
_counts: dict[str, int] = {}
_times: dict[str, list[float]] = {}


class MeasuredPool(EnginePool):
    """EnginePool, whose checkouts are counted and timed."""

    def connect(self) -> Any:
        """Return a connection of the pool."""
        began = time.monotonic()
        try:
            found = super().connect()
        except BaseException:
            _count("Failed")
            raise
        _time("CheckoutTime", time.monotonic() - began)
        if _COUNTED in found.info:
            _count("Reused")
        found.info[_COUNTED] = True
        return found


def begin() -> None:
    """Count from now on, and write a line at the end of each invocation. Safe to call again."""
    if opened not in _connect_log.watchers:
        _connect_log.watchers.append(opened)
        token.watchers.append(signed)
    if invocation.watch():
        invocation.at_end(write, last=True)


def opened(made: NewConnection) -> None:
    """Count a new connection."""
    _count("Opened")
    _count(f"Opened{made.why.capitalize()}")
    _count("Retries", made.attempts - 1)
    _time("ConnectTime", made.seconds)


def signed() -> None:
    """Count a token."""
    _count("TokensSigned")


def yielded(number: int) -> None:
    """Count connections that were given back."""
    _count("Yielded", number)


def forget() -> None:
    """Forget what was counted: in the child of a fork it is the parent's to write, and environments that share a snapshot would all write it."""
    global _lock
    _lock = threading.Lock()
    _counts.clear()
    _times.clear()


def _count(name: str, number: int = 1) -> None:
    if number:
        with _lock:
            _counts[name] = _counts.get(name, 0) + number


def _time(name: str, seconds: float) -> None:
    with _lock:
        values = _times.setdefault(name, [])
        if len(values) < _MOST_VALUES:
            values.append(round(seconds * 1000, 3))


def write() -> None:
    """Write what was counted since the last time as one line to the standard output, and nothing where nothing was."""
    with _lock:
        values: dict[str, Any] = {**_counts, **_times}
        _counts.clear()
        _times.clear()
    if not values:
        return
    values = {"Opened": 0, "Reused": 0, **values}
    described = [{"Name": name, "Unit": unit} for name, unit in UNITS.items() if name in values]
    line = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": described}],
        },
        DIMENSION: os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "unknown"),
        **values,
    }
    # With one call: a line of another thread must not come in between.
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


os.register_at_fork(after_in_child=forget)
