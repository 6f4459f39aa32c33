"""The end of the environment: connections are closed with a goodbye, so that the server frees them at once and counts none as aborted.

Lambda sends SIGTERM to a function's process only where an extension is registered. This process registers itself as one, an internal
extension without events (AWS Lambda Developer Guide, "Lambda Extensions API"): then it has some 500 ms. Elsewhere atexit does it.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import socket
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


def keep(connection: Any) -> None:
    """Close the connection at the end of the environment, where it still lives then."""
    _live.add(connection)


def close_all() -> None:
    """Say goodbye on every open connection and close it; one in the middle of a statement is closed without."""
    now = time.monotonic()
    limit = Limit(now + _GOODBYE, now, "the environment's end")
    for connection in _all_live():
        try:
            if not connection.closed:
                connection.limit(limit)
                connection.close()
        except Exception as error:  # noqa: BLE001 - in a signal's handler: another thread can be closing it, and the others are still to be closed
            logger.debug("a connection was not closed at the end: %s", error)


def _all_live() -> list[Any]:
    while True:
        try:
            return list(_live)
        except RuntimeError:
            pass  # another thread has just added one


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
    try:
        status, identifier = _call(api, "POST /2020-01-01/extension/register", f"Lambda-Extension-Name: {NAME}", '{"events": []}')
    except (OSError, ValueError) as error:
        logger.debug("no extension was registered: %s", error)
        return False
    if status != 200 or not identifier:
        # 403 where another process of the environment has done it, as on Managed Instances: SIGTERM comes to all of them.
        logger.debug("no extension was registered: Lambda answered %s", status)
        return status == 403

    def wait() -> None:
        # An extension that does not ask for its next event holds up the init. None comes, for it asks for no kind.
        try:
            _call(api, "GET /2020-01-01/extension/event/next", f"Lambda-Extension-Identifier: {identifier}", timeout=None)
        except (OSError, ValueError) as error:
            logger.debug("the extension's wait has ended: %s", error)

    threading.Thread(target=wait, name="rdspool-extension", daemon=True).start()
    return True


def _call(api: str, request: str, header: str, body: str = "", timeout: float | None = _REGISTERING) -> tuple[int, str | None]:
    """Return the status of a call of the Extensions API, and the identifier that it gives. Raises OSError, and ValueError for no HTTP.

    By hand: importing http.client costs a cold start 8 ms of CPU, ten times as much as all of this.
    """
    host, _, port = api.rpartition(":")
    with socket.create_connection((host, int(port)), timeout) as connection:
        connection.sendall(f"{request} HTTP/1.1\r\nHost: {api}\r\n{header}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        answer = b""
        while b"\r\n\r\n" not in answer and (part := connection.recv(4096)):
            answer += part
    first, *headers = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    values = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in headers)}
    if not first.startswith("HTTP/"):
        raise ValueError(f"no HTTP: {first[:80]!r}")
    return int(first.split()[1]), values.get("lambda-extension-identifier")


def _handle() -> None:
    """Handle SIGTERM, before the handler that is there: a function can have set its own since the last time."""
    if threading.current_thread() is threading.main_thread():
        former = signal.getsignal(signal.SIGTERM)
        if not isinstance(former, _Terminate):
            signal.signal(signal.SIGTERM, _Terminate(former))


class _Terminate:
    """The handler of SIGTERM. One for each that it comes before: a function's own can call the one that it has found, which is one of these."""

    def __init__(self, former: Any) -> None:
        self._former = former

    def __call__(self, number: int, frame: Any) -> None:
        try:
            close_all()
        finally:
            if callable(self._former):
                self._former(number, frame)
            elif self._former != signal.SIG_IGN:
                # Not sys.exit(): the runtime client of Python 3.13 and later would wait in it until it is killed.
                os._exit(128 + number)
