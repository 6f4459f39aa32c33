"""Find, signal and wait for the processes of an environment."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The kernel's "die with the parent" means the parent's thread. This thread lives as long as the process.
spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lambda-environment-spawner")


def _parents() -> dict[int, int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    return parents


def descendants(pid: int) -> list[int]:
    """Return the ids of all living descendants of `pid`, parents before children."""
    parents = _parents()
    found: list[int] = []
    generation = [pid]
    while generation:
        generation = sorted(child for child, parent in parents.items() if parent in generation)
        found += generation
    return found


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal each process that still exists."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


class Handle:
    """A handle to wait for a process that is not a child of this one. It stays valid even if the process id is reused."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor = os.pidfd_open(pid)

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the process, and return whether it has ended within `seconds`."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(max(0.0, seconds) * 1e3))

    def close(self) -> None:
        os.close(self._descriptor)


def state(pid: int) -> str:
    """Return the kernel's letter for the state of the process, such as T for stopped."""
    return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]


def stop(pids: Iterable[int], seconds: float = 2.0) -> None:
    """Stop the processes, and return when all have stopped, or after `seconds`."""
    pids = list(pids)
    send(pids, signal.SIGSTOP)
    deadline = time.monotonic() + seconds
    for pid in pids:
        while time.monotonic() < deadline:
            try:
                if state(pid) in "TtZX":
                    break
            except (FileNotFoundError, ProcessLookupError):
                break
            time.sleep(0.0005)
