"""TLS sessions kept for resumption: a reconnect to the same server skips the certificate's exchange and verification."""

from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

LONGEST: Final = 4 * 60 * 60
"""Seconds after a full handshake for which its verification counts. Each ticket comes with a new one, so without an end a process could
trust a certificate for ever that was withdrawn, or whose authority is trusted no more."""

_LIMIT: Final = 64
"""Servers per context: a function has a handful; a bound keeps a process that meets many from growing."""

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Verified(NamedTuple):
    """A session, and the time in which the verification that it goes back to counts: Unix times in seconds."""

    session: ssl.SSLSession
    since: float
    until: float


_sessions: WeakKeyDictionary[ssl.SSLContext, dict[str, Verified]] = WeakKeyDictionary()


def recall(context: ssl.SSLContext, peer: str) -> Verified | None:
    """Return the last session with this peer under this context, which is what verified the server in it; None once that is too long ago.

    `peer` is the name that was verified and the address: a session that is resumed is verified against no other name.

    By the wall clock: over a freeze of the environment the monotonic one can stand still, a certificate's end does not.
    """
    kept = _sessions.get(context, {})
    found = kept.get(peer)
    if found is not None and not found.since <= time.time() < found.until:
        del kept[peer]
        return None
    return found


def keep(context: ssl.SSLContext, peer: str, channel: ssl.SSLSocket, offered: Verified | None) -> None:
    """Keep the session of `channel`, once the server's ticket has been read (with TLS 1.3: with its first answer).

    `offered` is what the channel was opened with. A session that was resumed is kept on until half its life is over: reading a new one out
    of the channel costs more CPU than the rest of a reconnect's handshake. A new one that was resumed from it ends when it would have.
    """
    now = time.time()
    resumed = offered is not None and channel.session_reused
    if resumed:
        assert offered is not None
        if now < offered.session.time + offered.session.timeout / 2:
            return
        since, until = offered.since, offered.until
    else:
        since, until = now, min(now + LONGEST, _end_of_certificate(channel))
    session = channel.session
    if session is not None and session.has_ticket:
        kept = _sessions.setdefault(context, {})
        if len(kept) >= _LIMIT:
            kept.clear()
        kept[peer] = Verified(session, since, until)


def _end_of_certificate(channel: ssl.SSLSocket) -> float:
    """Return the Unix time in seconds at which the server's certificate ends; 0 where it does not say, which lets nothing be resumed."""
    certificate = channel.getpeercert()
    not_after = certificate.get("notAfter") if certificate else None
    if not isinstance(not_after, str):
        return 0.0
    # As in "Jun  9 12:00:00 2036 GMT". ssl.cert_time_to_seconds() would import _strptime, which costs a cold start 2 ms of CPU.
    month, day, clock, year, _ = not_after.split()
    hour, minute, second = map(int, clock.split(":"))
    return datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second, tzinfo=UTC).timestamp()


def forget() -> None:
    """Drop all sessions: after a fork or a restore two processes would offer one ticket."""
    _sessions.clear()
