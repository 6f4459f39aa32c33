"""Read the output of an environment, split into lines of the function and of the emulator, and the records of its bootstrap."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# It can be anywhere in a line, because the function's output before it may have no line feed.
EMULATOR = re.compile(r"\d{2} \w{3} \d{4} [\d:,]+ \[[A-Z]+\] \(rapid\) |(?:START|END|REPORT) RequestId: [0-9a-f-]{36}")
# The last line of an invocation. After a crash there is no REPORT.
LAST = re.compile(r"REPORT RequestId: |.* \(rapid\) Invoke DONE failed")


class Output:
    """Reads the lines of a stream in a thread until its end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.function: list[str] = []
        self.emulator: list[str] = []
        self._finished = 0
        self._changed = threading.Condition()
        self._ended = False
        self._stream = stream
        self._thread = threading.Thread(target=self._read, name="lambda-environment-output", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._stream:
            for raw in self._stream:
                # The runtime writes an error as one line with carriage returns and no-break spaces.
                text = raw.decode(errors="replace").rstrip("\n").replace("\u00a0", " ")
                with self._changed:
                    self._sort(text)
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _sort(self, text: str) -> None:
        mark = EMULATOR.search(text)
        own = text[: mark.start()] if mark else text
        if mark:
            self._finished += bool(LAST.match(text, mark.start()))
            self.emulator.append(text[mark.start() :])
        if own or not mark:
            self.function.extend(own.split("\r"))

    @property
    def finished(self) -> int:
        return self._finished

    def wait_for(self, number: int, seconds: float) -> None:
        """Wait until the emulator has finished `number` invocations, so that their output is complete. Return after `seconds` at the latest."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._finished >= number, seconds)

    def wait_for_end(self, seconds: float) -> None:
        self._thread.join(seconds)


@dataclass(frozen=True)
class Record:
    """One line of the bootstrap. `what` is "init", "returned", "raised" or "error" (reported to Lambda); `ms` is None for an error."""

    what: str
    pid: int
    ms: float | None


class Records:
    """Reads the named pipe of the bootstrap in a thread. `on_init` is called when an init has ended."""

    def __init__(self, path: Path, on_init: Callable[[], None]) -> None:
        os.mkfifo(path)
        # Open for writing too, because otherwise the reader sees an end of file when no runtime has the pipe open.
        self._pipe = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._on_init = on_init
        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._rest = b""
        self._mark = threading.Event()
        self._thread = threading.Thread(target=self._read, name="lambda-environment-records", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while chunk := os.read(self._pipe, 65536):
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                if line == b"end":
                    return
                if line == b"mark":
                    self._mark.set()
                    continue
                fields = json.loads(line)
                with self._lock:
                    self._records.append(Record(fields["what"], fields["pid"], fields.get("ms")))
                if fields["what"] == "init":
                    self._on_init()

    def take(self) -> list[Record]:
        """Return the records since the last call, including all that were written before the answer to an invocation."""
        self._mark.clear()
        os.write(self._pipe, b"mark\n")
        self._mark.wait(1)
        with self._lock:
            taken, self._records = self._records, []
        return taken

    def close(self) -> None:
        os.write(self._pipe, b"end\n")
        self._thread.join(1)
        os.close(self._pipe)
