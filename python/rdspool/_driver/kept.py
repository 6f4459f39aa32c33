"""What was worked out once and is kept for the next time, within limits."""

from __future__ import annotations

from typing import Final, TypeVar

K = TypeVar("K", bytes, str, str | bytes)
V = TypeVar("V")


class Kept(dict[K, V]):
    """Values by the text that they were made of. A text that is too long is not kept; where there are too many, all go.

    The texts of a function's statements come again with each invocation, and are far fewer than the limit.
    """

    def __init__(self, most: int, longest: int) -> None:
        """Take the limits: number of texts, and bytes or characters of each."""
        super().__init__()
        self._most: Final = most
        self._longest: Final = longest

    def keep(self, text: K, value: V) -> V:
        """Keep a value, and return it."""
        if len(text) <= self._longest:
            if len(self) >= self._most:
                self.clear()
            self[text] = value
        return value
