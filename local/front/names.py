"""This process's own hosts file: names that it resolves to the loopback address, as /etc/hosts would for the whole machine.

It stands in front of socket.getaddrinfo, so it holds for code in Python; the connector's C extension asks the C library itself.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LOOPBACK = "127.0.0.1"


@contextmanager
def resolved(*names: str, address: str = LOOPBACK) -> Iterator[None]:
    """In this process the names resolve to `address` for as long as the block lasts; blocks can be nested."""
    wanted = {name.lower() for name in names}
    original = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        return original(address if isinstance(text, str) and text.lower().rstrip(".") in wanted else host, *arguments, **options)

    socket.getaddrinfo = getaddrinfo
    try:
        yield
    finally:
        socket.getaddrinfo = original
