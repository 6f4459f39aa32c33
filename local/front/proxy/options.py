"""The options of a proxy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Proxy:
    """The options of a proxy. Its name should have the form NAME.proxy-ID.REGION.rds.amazonaws.com."""

    connections: int = 10
    """Maximum number of server connections."""
    borrow_timeout: float = 120.0
    """Seconds that a client waits for one of them (AWS: ConnectionBorrowTimeout)."""
