"""Orders to the thread of a connection. They interrupt its waiting as an exception in that thread."""

from __future__ import annotations

import os
import select
import threading
import time


class Order(Exception):
    """An order to the thread of a connection, which ends its normal work."""


class Hangup(Order):
    """Close the client's connection, with a FIN or (if `reset`) with a RST."""

    def __init__(self, reset: bool = False) -> None:
        super().__init__("hangup")
        self.reset = reset


class Silence(Order):
    """Read everything from the client and send nothing from now on, also no FIN, like a lost peer."""


class Notice(Order):
    """Send an unsolicited payload to the client, then close if `close`, otherwise stay silent."""

    def __init__(self, payload: bytes, close: bool) -> None:
        super().__init__("notice")
        self.payload = payload
        self.close = close


class Orders:
    """The queue of orders to one connection. Its file descriptor is readable when there is an order."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock = threading.Lock()
        self._posted: list[Order] = []
        self._closed = False

    def fileno(self) -> int:
        return self._fd

    def post(self, order: Order) -> bool:
        """Add an order. Return whether the connection is still open."""
        with self._lock:
            if self._closed:
                return False
            self._posted.append(order)
            os.eventfd_write(self._fd, 1)
            return True

    def obey(self) -> None:
        """Raise the oldest order in the queue, if there is one."""
        with self._lock:
            if not self._posted:
                return
            order = self._posted.pop(0)
            if not self._posted:
                os.eventfd_read(self._fd)
        raise order

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`. Raise an order as soon as there is one."""
        self.obey()
        end = time.monotonic() + seconds
        poller = select.poll()
        poller.register(self._fd, select.POLLIN)
        while (left := end - time.monotonic()) > 0:
            # poll() rounds up to whole milliseconds, so the last fraction is slept.
            if left < 0.001:
                time.sleep(left)
            elif poller.poll(int(left * 1000)):
                self.obey()

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._fd)
