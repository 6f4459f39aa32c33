"""TLS sessions kept for resumption: a reconnect to the same server skips the certificate's exchange and verification."""

from __future__ import annotations

import ssl
import time
from typing import Final
from weakref import WeakKeyDictionary

_LIMIT: Final = 64
"""Servers per context: a function has a handful; a bound keeps a process that meets many from growing."""

_sessions: WeakKeyDictionary[ssl.SSLContext, dict[str, ssl.SSLSession]] = WeakKeyDictionary()


def recall(context: ssl.SSLContext, address: str) -> ssl.SSLSession | None:
    """Return the last session with this address under this context, which is what verified the server in it."""
    return _sessions.get(context, {}).get(address)


def keep(context: ssl.SSLContext, address: str, channel: ssl.SSLSocket) -> None:
    """Keep the session of `channel`, once the server's ticket has been read (with TLS 1.3: with its first answer).

    A session that was resumed is kept on until half its life is over: reading a new one out of the channel costs more CPU than
    the rest of a reconnect's handshake.
    """
    kept = _sessions.setdefault(context, {})
    before = kept.get(address)
    if before is not None and channel.session_reused and time.time() < before.time + before.timeout / 2:
        return
    session = channel.session
    if session is not None and session.has_ticket:
        if len(kept) >= _LIMIT:
            kept.clear()
        kept[address] = session


def forget() -> None:
    """Drop all sessions: after a fork or a restore two processes would offer one ticket."""
    _sessions.clear()
