"""Orders from outside to one connection's thread: they end whatever it waits for, as an exception raised in that thread."""

from __future__ import annotations

import os
import select
import threading
import time


class Order(Exception):
    """Something that a connection's thread is to do in place of going on."""


class Hangup(Order):
    """Close the client's connection: with a FIN, or with a RST if `reset`."""

    def __init__(self, reset: bool = False) -> None:
        super().__init__("hangup")
        self.reset = reset


class Silence(Order):
    """From now on swallow what the client sends and send nothing, no FIN either: a peer that was lost."""


class Notice(Order):
    """Send the client a payload that it did not ask for, and then close unless told otherwise."""

    def __init__(self, payload: bytes, close: bool) -> None:
        super().__init__("notice")
        self.payload = payload
        self.close = close


class Orders:
    """One connection's letter box. Its file descriptor becomes readable when an order was posted."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock = threading.Lock()
        self._posted: list[Order] = []
        self._closed = False

    def fileno(self) -> int:
        return self._fd

    def post(self, order: Order) -> bool:
        """Whether the connection is still there to obey."""
        with self._lock:
            if self._closed:
                return False
            self._posted.append(order)
            os.eventfd_write(self._fd, 1)
            return True

    def obey(self) -> None:
        """Raise the oldest order that was posted, if there is one."""
        with self._lock:
            if not self._posted:
                return
            order = self._posted.pop(0)
            if not self._posted:
                os.eventfd_read(self._fd)
        raise order

    def sleep(self, seconds: float) -> None:
        """Wait; an order ends it early."""
        self.obey()
        end = time.monotonic() + seconds
        poller = select.poll()
        poller.register(self._fd, select.POLLIN)
        while (left := end - time.monotonic()) > 0:
            # poll counts in whole milliseconds, rounded up: what is under one is slept.
            if left < 0.001:
                time.sleep(left)
            elif poller.poll(int(left * 1000)):
                self.obey()

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._fd)
