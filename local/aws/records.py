"""What the API was asked: one record per call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """A call. `status` is that of the answer (None: none was sent), `fault` the kind of fault that happened to it."""

    account: str
    region: str
    service: str
    operation: str
    path: str
    status: int | None
    fault: str | None
