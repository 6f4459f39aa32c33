"""Connections that a handler did not give back: their locks and their transaction would stay while the environment is frozen."""

from __future__ import annotations

import gc
import logging
import sys
import threading
from typing import Any, Final

logger: Final = logging.getLogger("rdspool")

_INSIDE: Final = ("sqlalchemy.", "rdspool.", "contextlib")
"""Modules that take a connection on behalf of somebody's code."""

_out: Final[dict[int, tuple[Any, str, int, threading.Thread]]] = {}
"""By the pool's entry: the connection, and the file, line and thread that took it."""


def taken(dbapi_connection: Any, entry: Any, _: Any) -> None:
    """Listen to the pool's checkouts: note that `entry` goes out, and which line takes it."""
    # By the modules' names: a frame is an object that Python makes when it is asked for, and there are some eight between here and there.
    depth = 1
    while (sys._getframemodulename(depth) or "").startswith(_INSIDE):
        depth += 1
    try:
        frame = sys._getframe(depth)
        where = frame.f_code.co_filename, frame.f_lineno
    except ValueError:  # nothing is left of the stack
        where = "somewhere", 0
    _out[id(entry)] = (dbapi_connection, *where, threading.current_thread())


def given_back(_: Any, entry: Any) -> None:
    """Listen to the pool's checkins and detachments: note that `entry` is back, or is the pool's no longer."""
    _out.pop(id(entry), None)


def roll_back() -> None:
    """Roll back what is still out at the end of an invocation, and say which line took it.

    A connection whose transaction has written is closed: whoever uses it on would commit the rest of that transaction without its begin.
    One of another thread that lives is only cut: that thread can be using it at this moment, and one of the two would read the other's answer.
    """
    for dbapi_connection, file, line, thread in list(_out.values()):
        if dbapi_connection.closed:
            continue
        logger.warning(
            "the connection that %s:%d took from the pool was not given back before the end of the invocation: what it had not committed is "
            "rolled back now, so that its locks do not stay while the environment is frozen. Take it in a with statement: "
            "with engine.begin() as connection, or with Session(engine) as session",
            file,
            line,
        )
        if thread is not threading.current_thread() and thread.is_alive():
            dbapi_connection.session.cut()
            continue
        half = dbapi_connection.transaction.has_written
        try:
            dbapi_connection.rollback()
            usable = not half and dbapi_connection.restore()
        except dbapi_connection.Error:
            usable = False
        if not usable:
            dbapi_connection.session.give_up()


def collect() -> None:
    """At the begin of an invocation: give back what the one before has left behind, where nothing of it is kept.

    A Connection and its transaction refer to each other, so only the garbage collector frees them. Until it runs by itself, which can be
    many invocations later, every checkout would wait in vain for the pool's one connection.
    """
    if _out:
        gc.collect()
