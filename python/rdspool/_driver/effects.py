"""What a statement can do beside its rows, as its text says: commit, or leave something behind in the session.

A text that is not known to be harmless counts as one that does all of it. Values are never looked at: they are no code. What a stored
function or a trigger does can't be seen here; of that the server's session tracking tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from .regions import ANSI_QUOTES, NO_ESCAPES, USUAL, Reading, regions

LEAVES_STATE: Final = 1
"""Something can stay in the session: a variable, a lock, a temporary table."""
OUTLASTS_RESET: Final = 2
"""A reset of the session does not take it away: another database, another role."""
NEXT_TRANSACTION: Final = 4
"""It can set what the next transaction shall be, which only that one's end takes away."""
WRITES: Final = 8
"""It can change data: under autocommit it commits."""
COMMITS: Final = 16
"""It can commit an open transaction."""
PINS: Final = 32
"""It leaves nothing, but an RDS Proxy keeps a server's connection for this client from then on."""

PINS_FROM: Final = 16_000
"""Bytes of a statement. AWS names 16 KB, and does not say which: "Avoiding pinning an RDS Proxy"."""

_OTHER: Final = LEAVES_STATE | WRITES | COMMITS
_ALL: Final = _OTHER | OUTLASTS_RESET | NEXT_TRANSACTION

_FIRST: Final = {
    **dict.fromkeys((b"select", b"values", b"table", b"show", b"desc", b"describe", b"help", b"kill", b"do"), 0),
    **dict.fromkeys((b"insert", b"update", b"delete", b"replace"), WRITES),
    **dict.fromkeys((b"create", b"alter", b"drop", b"truncate", b"rename", b"grant", b"revoke"), WRITES | COMMITS),
    **dict.fromkeys((b"analyze", b"optimize", b"check", b"repair", b"load"), WRITES | COMMITS),
    **dict.fromkeys((b"rollback", b"savepoint", b"release", b"with", b"explain"), 0),
    b"commit": WRITES | COMMITS,
    b"set": LEAVES_STATE,
    b"use": LEAVES_STATE | OUTLASTS_RESET,
}
"""By the first word. All others, such as CALL, LOCK, HANDLER, PREPARE and EXECUTE, are `_OTHER`."""

_QUICK: Final = (b"select ", b"insert ", b"update ", b"delete ")
_NOT_QUICK: Final = (b"@", b";", b"/*", b"get_lock", b"service_get_")
_BEGIN: Final = re.compile(rb"\s*(?:begin(?:\s+work)?|start\s+transaction\b[a-z,\s]*)\s*;?\s*")
_WORD: Final = re.compile(rb"[\s(]*([a-z]+)")
_SESSION: Final = re.compile(rb"(?<!@)@(?!@)|\bget_lock\b|\bservice_get_|\btemporary\b")
"""A user variable, a lock with a name, a temporary table."""
_CHANGES: Final = re.compile(rb"\b(?:insert|update|delete|replace)\b")
"""What WITH and EXPLAIN ANALYZE can stand before."""
_DATABASE_GONE: Final = re.compile(rb"\s*drop\s+(?:database|schema)\b")
_ROLE: Final = re.compile(rb"\b(?:role|authorization)\b")
_SET_COMMITS: Final = re.compile(rb"\b(?:autocommit|password|role|statement)\b|''\s*:?=")
"""What SET ends a transaction with, or runs any statement with (MariaDB's SET STATEMENT ... FOR). A quoted name can be autocommit."""
_QUOTED_FUNCTION: Final = re.compile(rb"[`\"\[](?:get_lock|service_get_\w+)[`\"\]]\s*[(/#-]")
"""A function's name may stand in quotes."""
_SET_TRANSACTION: Final = re.compile(rb"\s*set\s+transaction\b|@@(?:transaction|tx)_")


class Seen:
    """What the statements of a block have done."""

    __slots__ = ("committed",)

    def __init__(self) -> None:
        self.committed = False
        """Whether one of them can have committed something."""


_seen: ContextVar[Seen | None] = ContextVar("rdspool_effects", default=None)


@contextmanager
def watched() -> Iterator[Seen]:
    """Note what the statements of this block do, for the blocks around it too."""
    seen, outer = Seen(), _seen.get()
    token = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(token)
        if outer is not None and seen.committed:
            outer.committed = True


def note_commit() -> None:
    """Note that something can have been committed, by a statement that does so by itself or by a COMMIT."""
    seen = _seen.get()
    if seen is not None:
        seen.committed = True


def of(statement: bytes) -> int:
    """Return what a statement can do, as flags."""
    text = statement.lower()
    if text.startswith(_QUICK) and not any(mark in text for mark in _NOT_QUICK):
        return _FIRST[text[:6]]
    if b"/*!" in text or b"/*m!" in text:
        return _ALL  # code for some servers, which ends at another place on others
    readings = (USUAL, ANSI_QUOTES, NO_ESCAPES) if b"\\" in text else (USUAL,)
    found = 0
    for reading in readings:
        found |= _of_code(_code(text, reading))
    if _QUOTED_FUNCTION.search(text):
        found |= LEAVES_STATE
    return found


def can_commit(can: int, *, autocommit: bool, in_transaction: bool | None) -> bool:
    """Return whether a statement with these flags can have committed something. `in_transaction`: whether one was open; None: not known."""
    if can & WRITES and (can & COMMITS or (autocommit and not in_transaction)):
        return True
    return bool(can & COMMITS) and in_transaction is not False


def _code(text: bytes, reading: Reading) -> bytes:
    """Return the statement's code alone: a blank in the place of each comment, a pair of quotes in that of each quoted text or name."""
    parts = []
    for is_code, part in regions(text, reading):
        parts.append(part if is_code else b" " if part[:1] in b"-#/" else b"''")
    return b"".join(parts)


def _of_code(code: bytes) -> int:
    before, separator, after = code.partition(b";")
    if separator and after.strip(b"; \t\r\n"):
        return _ALL
    if _BEGIN.fullmatch(code):
        return COMMITS
    word = _WORD.match(code)
    found = _FIRST.get(word[1], _OTHER) if word is not None else _OTHER if before.strip() else 0
    if word is not None and word[1] in (b"with", b"explain") and _CHANGES.search(code):
        found |= WRITES
    if _SESSION.search(code):
        found |= LEAVES_STATE
    if _DATABASE_GONE.match(code):
        found |= LEAVES_STATE | OUTLASTS_RESET
    if word is not None and word[1] == b"execute":
        found |= OUTLASTS_RESET  # MariaDB's EXECUTE IMMEDIATE runs anything
    if word is not None and word[1] == b"set":
        if _ROLE.search(code):
            found |= OUTLASTS_RESET
        if _SET_TRANSACTION.search(code):
            found |= NEXT_TRANSACTION
        if _SET_COMMITS.search(code):
            found |= WRITES | COMMITS if b"statement" in code else COMMITS
        if b"(" in code:
            found |= WRITES  # a stored function's
    return found
