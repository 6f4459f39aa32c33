"""A string that does not show itself: passwords and IAM tokens on their way to the server."""

from __future__ import annotations

from typing import Final, NoReturn

HIDDEN: Final = "***"


class Secret:
    """Holds a secret text; only `reveal()` gives it out.

    Error trackers print the local variables of a traceback, loggers print arguments, pickles land in caches: none of these
    may carry a credential, so `repr`, `str` and `format` say `***` and pickling is refused.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself, for the one place that sends it."""
        return self._text

    def encodable(self) -> bool:
        """Return whether the text can be sent as UTF-8: a variable with other bytes in it can't."""
        try:
            self._text.encode()
        except UnicodeEncodeError:
            return False
        return True

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: load the settings again where they are needed")
