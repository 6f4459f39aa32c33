"""The record of a call to the API."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """A call. `status` is the HTTP status of the answer (None: no answer was sent), `fault` the kind of fault that was applied."""

    account: str
    region: str
    service: str
    operation: str
    path: str
    status: int | None
    fault: str | None
