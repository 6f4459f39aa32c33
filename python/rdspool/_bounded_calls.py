"""Calls of others that take no time-out (a name look-up, botocore's search for credentials), waited for up to a limit."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Final

from .deadlines import Limit


def in_time[T](call: Callable[[], T], limit: Limit) -> T | None:
    """Return what `call` returns, made in another thread; None where it is not done at the limit: then the thread goes on alone.

    Raises what `call` raises.
    """
    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
    task = _Task(call)
    worker.begin(task)
    if not task.ended.acquire(timeout=max(0.0, limit.left())):
        return None
    if task.error is not None:
        try:
            raise task.error
        finally:
            task.error = None  # its traceback refers to this frame, and so to the task
    result: T = task.result
    return result


class _Task:
    """One call, and what became of it."""

    __slots__ = ("call", "ended", "error", "result")

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.result: Any = None
        self.error: BaseException | None = None
        self.ended = threading.Lock()
        self.ended.acquire()  # released by the worker

    def run(self) -> None:
        try:
            self.result = self.call()
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self.error = error


class _Worker:
    """A thread that makes one call at a time and is kept for the next one.

    A new thread for each call costs a reconnect 0.3 ms of CPU: it has a stack of its own to map, and glibc's resolver reads its configuration
    once per thread.
    """

    def __init__(self) -> None:
        self._given = threading.Lock()
        self._given.acquire()  # released when there is a task
        self._task: _Task | None = None
        threading.Thread(target=self._run, name="rdspool-call", daemon=True).start()

    def begin(self, task: _Task) -> None:
        """Let the thread run the task. The worker must be idle."""
        self._task = task
        self._given.release()

    def _run(self) -> None:
        while True:
            self._given.acquire()
            task, self._task = self._task, None
            assert task is not None  # begin() has set it
            task.run()
            # Before the waiting thread goes on: its next call finds this worker.
            _idle.append(self)
            task.ended.release()
            del task


_idle: Final[list[_Worker]] = []
"""Workers without a task: one, or as many as calls were made at once."""

os.register_at_fork(after_in_child=_idle.clear)  # a child has no threads but the one that forked
