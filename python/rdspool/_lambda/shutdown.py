"""The end of the environment: connections are closed with a goodbye, so that the server frees them at once and counts none as aborted.

Lambda sends SIGTERM to a function's process only where an extension is registered. This process registers itself as one, an internal
extension without events (AWS Lambda Developer Guide, "Lambda Extensions API"): then it has some 500 ms. Elsewhere atexit does it.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import signal
import threading
import time
import weakref
from typing import Any, Final

from ..deadlines import Limit
from . import invocation

logger: Final = logging.getLogger("rdspool")

NAME: Final = "rdspool"
"""The extension's name in Lambda's logs."""
_GOODBYE: Final = 0.05
"""Seconds for all goodbyes together: a server in reach takes one in microseconds, and nothing waits for an answer."""
_REGISTERING: Final = 1.0
"""Seconds for the registration, which is a call within the environment."""

_live: weakref.WeakSet[Any] = weakref.WeakSet()
_process: int | None = None
"""The process that registered."""
_former: Any = None
"""The handler of SIGTERM that was there before."""


def keep(connection: Any) -> None:
    """Close the connection at the end of the environment, where it still lives then."""
    _live.add(connection)


def close_all() -> None:
    """Say goodbye on every open connection and close it; one in the middle of a statement is closed without."""
    now = time.monotonic()
    limit = Limit(now + _GOODBYE, now, "the environment's end")
    for connection in list(_live):
        if not connection.closed:
            connection.waiting.limit(limit)
            connection.close()


def prepare() -> None:
    """Have connections closed at the end of this process. Safe to call again."""
    global _process
    if _process == os.getpid():
        return
    _process = os.getpid()
    atexit.register(_at_exit, _process)
    api = os.environ.get("AWS_LAMBDA_RUNTIME_API")
    if not api or invocation.running() or threading.current_thread() is not threading.main_thread():
        return  # no Lambda; or past init, when Lambda takes no extensions; or nowhere to set a signal's handler from
    if _register(api):
        _handle()
        invocation.at_begin(_handle)


def after_fork() -> None:
    """In the child of a fork: the connections are the parent's."""
    _live.clear()


def _at_exit(process: int) -> None:
    if os.getpid() == process:
        close_all()


def _register(api: str) -> bool:
    import http.client  # the runtime client has imported it already

    try:
        connection = http.client.HTTPConnection(api, timeout=_REGISTERING)
        connection.request("POST", "/2020-01-01/extension/register", json.dumps({"events": []}), {"Lambda-Extension-Name": NAME})
        response = connection.getresponse()
        response.read()
        identifier = response.headers.get("Lambda-Extension-Identifier")
        connection.close()
    except (OSError, http.client.HTTPException) as error:
        logger.debug("no extension was registered: %s", error)
        return False
    if response.status != 200 or not identifier:
        # 403 where another process of the environment has done it, as on Managed Instances: SIGTERM comes to all of them.
        logger.debug("no extension was registered: Lambda answered %s", response.status)
        return response.status == 403

    def wait() -> None:
        # An extension that does not ask for its next event holds up the init. None comes, for it asks for no kind.
        try:
            waiting = http.client.HTTPConnection(api)
            waiting.request("GET", "/2020-01-01/extension/event/next", headers={"Lambda-Extension-Identifier": identifier})
            waiting.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            logger.debug("the extension's wait has ended: %s", error)

    threading.Thread(target=wait, name="rdspool-extension", daemon=True).start()
    return True


def _handle() -> None:
    """Handle SIGTERM, before the handler that is there: a function can have set its own since the last time."""
    global _former
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is not _terminate:
        _former = signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: Any) -> None:
    close_all()
    if callable(_former):
        _former(number, frame)
    elif _former != signal.SIG_IGN:
        # Not sys.exit(): the runtime client of Python 3.13 and later would wait in it until it is killed.
        os._exit(128 + number)
