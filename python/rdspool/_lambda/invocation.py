"""The invocation: when it begins, when Lambda ends it, and what is done before its answer leaves.

Lambda's runtime client (awslambdaric) has no public hook. It calls `bootstrap.handle_event_request()` for each invocation with the
deadline, by its global name, which tools for tracing replace too. Where that function is missing or takes other arguments, nothing is
replaced: then no deadline is known, and each wait has its own bound only.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from .. import deadlines

logger: Final = logging.getLogger("rdspool")

_BOOTSTRAP: Final = "awslambdaric.bootstrap"
_HANDLE: Final = "handle_event_request"
_CLIENT: Final = "lambda_runtime_client"
_ANSWER: Final = "post_invocation_"
_END: Final = "epoch_deadline_time_in_ms"

_beginnings: Final[list[Callable[[], None]]] = []
_endings: Final[list[Callable[[], None]]] = []
_last_endings: Final[list[Callable[[], None]]] = []
_running = False
_lock = threading.Lock()
_watched: Any = None
"""The runtime client's module whose function is replaced."""


def watch() -> bool:
    """Hook into the runtime client, where this process runs it. Return whether invocations are seen. Safe to call again."""
    global _watched
    bootstrap = sys.modules.get(_BOOTSTRAP)
    with _lock:
        if bootstrap is None or bootstrap is _watched:
            return bootstrap is not None
        handle: Any = getattr(bootstrap, _HANDLE, None)
        inner = handle
        while hasattr(inner, "__wrapped__"):
            inner = inner.__wrapped__  # another tool's wrapper
        code = getattr(inner, "__code__", None)
        names = code.co_varnames[: code.co_argcount] if code is not None else ()
        if handle is None or _CLIENT not in names or _END not in names:
            logger.debug("the runtime client's %s is not as expected: the invocation's deadline is not known", _HANDLE)
            return False
        setattr(bootstrap, _HANDLE, _Handle(handle, names.index(_CLIENT), names.index(_END)))
        _watched = bootstrap
    _find_running(code)
    return True


def running() -> bool:
    """Return whether an invocation runs, as far as it is seen: before the first one, the function's module is being imported."""
    return _running


def at_begin(beginning: Callable[[], None]) -> None:
    """Call `beginning` at the begin of each invocation that is seen, in the thread of the handler."""
    if beginning not in _beginnings:
        _beginnings.append(beginning)


def at_end(ending: Callable[[], None], *, last: bool = False) -> None:
    """Call `ending` at the end of each invocation, before its answer leaves: afterwards Lambda freezes the environment. `last`: after others."""
    endings = _last_endings if last else _endings
    if ending not in endings:
        endings.append(ending)


def _find_running(code: Any) -> None:
    """Take the deadline of the invocation that runs already: a handler can import rdspool when it is called."""
    frame = sys._getframe()
    while (outer := frame.f_back) is not None:
        frame = outer
        if frame.f_code is code:
            _begin(frame.f_locals.get(_END))
            _end_at_answer(frame.f_locals.get(_CLIENT))
            return


def _end_at_answer(client: Any) -> None:
    """Let the invocation that runs already end as those after it do: at the first answer of its client."""
    ending = _Once()
    names = [name for name in dir(client) if name.startswith(_ANSWER)]

    def answering(name: str) -> Callable[..., Any]:
        def answer(*given: Any, **named: Any) -> Any:
            for one in names:
                delattr(client, one)
            ending()
            return getattr(client, name)(*given, **named)

        return answer

    for name in names:
        setattr(client, name, answering(name))


class _Handle:
    """Stands in for the runtime client's function. It lies outside of what that one shows of a handler's traceback."""

    def __init__(self, handle: Callable[..., Any], client_at: int, end_at: int) -> None:
        self._handle = handle
        self._client_at = client_at
        self._end_at = end_at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)

    def __call__(self, *given: Any, **named: Any) -> Any:
        _begin(named[_END] if _END in named else given[self._end_at])
        ending = _Once()
        if _CLIENT in named:
            named[_CLIENT] = _Client(named[_CLIENT], ending)
        else:
            at = self._client_at
            given = (*given[:at], _Client(given[at], ending), *given[at + 1 :])
        try:
            return self._handle(*given, **named)
        finally:
            ending()


class _Client:
    """The runtime client's own, but for what is done before an answer leaves."""

    def __init__(self, client: Any, ending: Callable[[], None]) -> None:
        self._client = client
        self._ending = ending

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not name.startswith(_ANSWER):
            return found

        def answer(*given: Any, **named: Any) -> Any:
            self._ending()
            return found(*given, **named)

        return answer


class _Once:
    """Does what is to be done at the end of an invocation, at the first call."""

    def __init__(self) -> None:
        self._done = False

    def __call__(self) -> None:
        if self._done:
            return
        self._done = True
        for ending in (*_endings, *_last_endings):
            try:
                ending()
            except Exception:
                # The function's answer is worth more than what is tidied up after it.
                logger.exception("the end of the invocation met an error")
        deadlines.end_invocation()


def _begin(end: Any) -> None:
    global _running
    _running = True
    try:
        deadlines.begin_invocation(float(end) / 1000)
    except (TypeError, ValueError):
        logger.debug("the runtime client gives the deadline as %r: it is not known", end)
        deadlines.end_invocation()
    # After the deadline is known: it bounds them too.
    for beginning in _beginnings:
        beginning()
