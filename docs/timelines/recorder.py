"""A TCP relay that records when each side sent: it stands between the function and its database."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

ADDRESS = "127.0.0.9"
"""Another loopback address than that of the front, so that the port, which the token contains, stays the same."""
CLIENT, SERVER = "client", "server"


@dataclass
class Recorder:
    """The events since the last `take()`: the time in seconds since the epoch, the number of the connection, and who sent."""

    events: list[tuple[float, int, str]] = field(default_factory=list)

    def take(self) -> list[tuple[float, str]]:
        """Return the events of the newest connection, oldest first, and forget all."""
        taken, self.events = sorted(self.events), []
        newest = max((number for _, number, _ in taken), default=0)
        return [(at, who) for at, number, who in taken if number == newest]


@contextmanager
def recording(address: str, port: int) -> Iterator[Recorder]:
    """Relay from ADDRESS to `address`, both at `port`, until the block ends."""
    recorder = Recorder()
    with socket.create_server((ADDRESS, port)) as listener:

        def accept() -> None:
            for number in itertools.count():
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                server = socket.create_connection((address, port))
                for source, target, who in ((client, server, CLIENT), (server, client, SERVER)):
                    target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=_copy, args=(recorder, number, source, target, who), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield recorder
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _copy(recorder: Recorder, number: int, source: socket.socket, target: socket.socket, who: str) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            recorder.events.append((time.time(), number, who))
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def exchanges(events: list[tuple[float, str]]) -> list[tuple[float, float]]:
    """Return the round trips: from the first byte that the client sent to the last byte of the answer."""
    found: list[tuple[float, float]] = []
    last = SERVER
    for at, who in events:
        if who == CLIENT and last == SERVER:
            found.append((at, at))
        elif who == SERVER and found:
            found[-1] = (found[-1][0], at)
        last = who
    return found
