"""Resolve names to the loopback address in this process, like /etc/hosts does for the whole machine.

It replaces socket.getaddrinfo and socket.gethostbyname_ex, so it works only for Python code. The connector's C extension uses the C library.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

LOOPBACK = "127.0.0.1"


@contextmanager
def resolved(*names: str, address: str = LOOPBACK) -> Iterator[None]:
    """Resolve the names to `address` in this process until the block ends. Blocks can be nested."""
    with resolved_by(dict.fromkeys(names, address)):
        yield


@contextmanager
def resolved_by(addresses: Mapping[str, str]) -> Iterator[None]:
    """Resolve each name to its address, which can change in the block. The names are in lower case."""
    original, original_by_name = socket.getaddrinfo, socket.gethostbyname_ex

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        return original(addresses.get(text.lower().rstrip("."), host) if isinstance(text, str) else host, *arguments, **options)

    def gethostbyname_ex(host: str) -> tuple[str, list[str], list[str]]:
        address = addresses.get(host.lower().rstrip("."))
        return original_by_name(host) if address is None else (host, [], [address])

    socket.getaddrinfo, socket.gethostbyname_ex = getaddrinfo, gethostbyname_ex
    try:
        yield
    finally:
        socket.getaddrinfo, socket.gethostbyname_ex = original, original_by_name
