"""A string that does not show itself, and frames that don't: passwords and IAM tokens on their way to the server."""

from __future__ import annotations

import sys
from contextlib import suppress
from types import TracebackType
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


class EmptiedFrames:
    """A block whose calls may hold secrets in their local variables: an exception that leaves them takes none of these along.

    Whatever the exception is, also one out of a signal's handler, the frames below the block are emptied, in its traceback and in those
    of its causes. They keep their places in the file, so the traceback reads as ever. The block's own frame is still running, so it can't
    be emptied: it may hold a secret as a `Secret` only.
    """

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        # An exception that is being handled already is somebody else's: its frames stay as they are.
        self._before = sys.exception()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        seen = {id(self._before)}
        left = [error]
        while left:
            found = left.pop()
            if found is None or id(found) in seen:
                continue
            seen.add(id(found))
            left += [found.__cause__, found.__context__]
            step = found.__traceback__
            while step is not None:
                with suppress(RuntimeError):  # it is still running: the block's own, or one above
                    step.tb_frame.clear()
                step = step.tb_next
