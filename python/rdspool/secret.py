"""A string that does not show itself, and frames that don't: passwords and IAM tokens on their way to the server."""

from __future__ import annotations

import sys
from collections.abc import Collection
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, NoReturn

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


def hide(options: Any, shown: Collection[str]) -> None:
    """Put a `Secret` in the place of each text in a dict of arguments, but for those under the names in `shown`.

    The first thing that a function does with its keyword arguments, for a later error shows its frame. Names that are not known are not in
    `shown`: what stands under `passwrd=` is a password all the same. What is no text, and stands where one is expected, gives its place to
    its type, which is all that an error says of it.
    """
    for name in options.keys() - set(shown):
        if options[name] is not None and not isinstance(options[name], Secret):
            # A URL of SQLAlchemy's shows itself without its password.
            render = getattr(options[name], "render_as_string", None)
            if render is not None:
                options[name] = Secret(render(hide_password=False))
            else:
                options[name] = Secret(options[name]) if isinstance(options[name], str) else type(options[name])
