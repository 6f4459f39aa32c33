"""What an error may show of a wrong value, and which characters no value may have."""

from __future__ import annotations

from typing import Any, Final

_OF_A_URL: Final = frozenset(":/@?#%&")
_MOST: Final = 80
"""Characters of a value that is shown, at most."""


def shown(value: Any) -> str:
    """Return a wrong value as an error shows it: not at all where it looks like a part of a URL, which can hold a password."""
    text = str(value)
    if not _OF_A_URL.isdisjoint(text) or len(text) > _MOST:
        return f"a text of {len(text)} characters (not shown: a password may be in it)"
    return repr(value)


def has_control_character(text: str) -> bool:
    """Return whether a text has a character that no name has: a NUL ends a name early, a line feed a log's line. Bytes that are no UTF-8 count."""
    # No pattern: to compile one with these ranges costs a cold start more than all texts of the settings.
    return any(c < " " or "\x7f" <= c <= "\x9f" or c in "\u2028\u2029" or "\ud800" <= c <= "\udfff" for c in text)
