"""What an error may show of a wrong value, and which characters no value may have."""

from __future__ import annotations

import re
from typing import Any, Final

_OF_A_URL: Final = frozenset(":/@?#%&")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
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
    return _CONTROL.search(text) is not None
