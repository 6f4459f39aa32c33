"""When waiting ends: at the end of a Lambda invocation, of a `with deadline(seconds)`, or of a connect's own limit.

Each wait of rdspool (for a connection of the pool, an address, a handshake, an answer) asks here how long it may take. The times are those
of the monotonic clock: an invocation is never frozen in its middle, and a corrected wall clock must not end a wait.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Final

MARGIN: Final = 0.5
"""Seconds before the end of an invocation at which waits end: the handler answers in them, and what a statement left behind is ended."""
USUAL: Final = 5.0
"""Seconds that a connect, or the wait for one of the pool's, takes at most where nobody sets it and the end of the invocation is known."""
USUAL_UNKNOWN: Final = 2.0
"""The same where no end is known: Lambda's default limit for an invocation is 3 s, and an error after it is never seen."""
_MOST_OF_IT: Final = 0.25
"""Part of the invocation's time that a margin takes at most: a function with a limit of one second still has most of it."""
CLEANING: Final = 0.2
"""Part of the margin that is left when clean-up (ROLLBACK, KILL) ends: the answer of the function still has to leave."""


class Limit:
    """The time at which a wait ends, and why then."""

    __slots__ = ("at", "began", "why")

    def __init__(self, at: float, began: float, why: str) -> None:
        """Take the end and the begin of the time, in seconds of the monotonic clock, and what set the end, for messages."""
        self.at = at
        self.began = began
        self.why = why

    def __repr__(self) -> str:
        return f"<Limit {self}, {self.left():.3f} s left>"

    def __str__(self) -> str:
        return f"{max(0.0, self.at - self.began):.3g} s ({self.why})"

    def left(self) -> float:
        """Return the seconds that are left, below zero where the time is over."""
        return self.at - time.monotonic()


class _Span(Limit):
    """The time of an invocation, or of a block: `at` is its very end."""

    __slots__ = ("_limits", "outer", "over")

    def __init__(self, at: float, began: float, why: str, outer: _Span | None = None) -> None:
        super().__init__(at, began, why)
        self._limits: dict[tuple[float, float], Limit] = {}
        self.outer = outer
        """The block around this one."""
        self.over = False
        """Whether the block was left. A task that it began, or a generator that began it, can still have it as its own."""

    def less(self, margin: float, part: float) -> Limit:
        """Return the limit of a wait: `part` of the margin (in seconds) before the end. Kept, for each command asks for it."""
        limit = self._limits.get((margin, part))
        if limit is None:
            cut = min(margin, (self.at - self.began) * _MOST_OF_IT) * part
            limit = Limit(self.at - cut, self.began, f"{self.why}, less a margin of {cut * 1000:.0f} ms")
            self._limits[margin, part] = limit
        return limit


_invocation: _Span | None = None
"""The invocation of this process: an environment serves one at a time."""
_context: ContextVar[_Span | None] = ContextVar("rdspool_deadline", default=None)
_blocks = 0
"""How many blocks of `deadline()` are open, in all threads and tasks."""
_counting: Final = Lock()
unchanged: object | None = object()
"""As long as this is the same object, `nearest()` returns the same for the same arguments: who asks often compares it. None: ask each time."""


def _changed(blocks: int = 0) -> None:
    """Note that limits are others than before, and how many blocks more are open."""
    global _blocks, unchanged
    with _counting:
        _blocks += blocks
        unchanged = None if _blocks else object()


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let every wait of rdspool in this block end before `seconds` are over: connects, statements, waits for the pool.

    Statements end a margin earlier (`deadline_margin_ms`, a quarter of the time at most): in it they are ended on the server too. Holds for
    the thread, or the asyncio task, that runs the block. An outer block's earlier end stays. A wait that is ended so raises DeadlineError,
    or a ConnectError where a connection was being made.

    Raises ValueError where `seconds` is not a number above 0.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < float("inf"):
        raise ValueError(f"deadline({seconds!r}): give a number of seconds above 0")
    now = time.monotonic()
    span = _Span(now + seconds, now, f"deadline({seconds:g})", _block())
    _changed(1)
    _context.set(span)
    try:
        yield
    finally:
        span.over = True
        _changed(-1)
        # Not the token's reset(): a generator can leave its block after others that began later, or in another context.
        _context.set(_block())


def _block() -> _Span | None:
    """Return the innermost block that was not left."""
    span = _context.get()
    while span is not None and span.over:
        span = span.outer
    return span


def nearest(margin: float = MARGIN, part: float = 1.0) -> Limit | None:
    """Return what ends a wait that begins now: `part` of `margin` (seconds) before the invocation's end, or a block's; None: nothing."""
    span, block = _invocation, _context.get()
    found = None if span is None else span.less(margin, part)
    while block is not None:
        # All of them: the margin of a short block is short, so its limit can be later than that of a block which ends later.
        if not block.over:
            limit = block.less(margin, part)
            if found is None or limit.at < found.at:
                found = limit
        block = block.outer
    return found


def within(seconds: float, why: str, margin: float = MARGIN, part: float = 1.0, *, began: float | None = None) -> Limit:
    """Return a limit of `seconds`, or what ends all waits where that is earlier. `why` names what set the seconds.

    `began` is when they began, in seconds of the monotonic clock; None: now.
    """
    now = time.monotonic() if began is None else began
    outer = nearest(margin, part)
    if outer is not None and outer.at < now + seconds:
        return Limit(outer.at, now, outer.why)
    return Limit(now + seconds, now, why)


def usual() -> float:
    """Return the seconds that a connect, or the wait for one, takes at most where nobody sets it."""
    return USUAL_UNKNOWN if _invocation is None and _block() is None else USUAL


def begin_invocation(end: float) -> None:
    """Note that an invocation begins, which Lambda ends at `end`, in seconds of Unix time.

    An end that is over already is none: Lambda begins no such invocation, but an emulator without deadlines gives 0, and a wall clock can
    be wrong. Each statement of the function would fail.
    """
    global _invocation
    now, left = time.monotonic(), end - time.time()
    _invocation = _Span(now + left, now, "the invocation's time") if left > 0 else None
    _context.set(None)  # what a generator of the invocation before has kept open
    _changed()


def end_invocation() -> None:
    """Note that no invocation runs any more."""
    global _invocation
    _invocation = None
    _changed()
