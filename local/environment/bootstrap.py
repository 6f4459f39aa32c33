"""The runtime's first process, at /var/runtime/bootstrap.py in the sandbox.

It does what the bootstrap of Lambda's managed runtime does before it starts awslambdaric (sys.path, site folders). It also measures
init and handler inside the process.
"""

from __future__ import annotations

import json
import os
import site
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

NOW = time.clock_gettime(time.CLOCK_BOOTTIME)
CPU = time.process_time()

TASK = "/var/task"
RUNTIME = "/var/runtime"
RECORDS = "/var/rapid/records"
# The emulator reads its timeout from this variable. A function on Lambda does not have it.
TIMEOUT = "AWS_LAMBDA_FUNCTION_TIMEOUT"


def started() -> float:
    """Return the start time of this process in seconds of CLOCK_BOOTTIME.

    The kernel reports it in ticks of 10 ms. Within the tick, the CPU time of the process gives a better estimate.
    """
    with open("/proc/self/stat") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    tick = 1 / os.sysconf("SC_CLK_TCK")
    return min(max(NOW - CPU, ticks * tick), (ticks + 1) * tick)


def prepare() -> None:
    """Set sys.path in the order of the managed runtime, and remove variables that a function on Lambda does not have."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = [f"/opt/python/lib/{version}/site-packages", "/opt/python"]
    ours = [TASK, *packages, f"/var/lang/lib/{version}/site-packages", RUNTIME]
    # Debian's Python adds folders for packages that Lambda's does not have.
    sys.path[:] = ours + [
        path for path in sys.path if path not in ours and "dist-packages" not in path and path.startswith("/var/lang/lib")
    ]
    for folder in (TASK, *packages):
        if os.path.isdir(folder):  # noqa: PTH112 - the import of pathlib would be part of each measured init
            site.addsitedir(folder)
    os.environ.pop(TIMEOUT, None)
    # CPython sets it when this machine does not have Lambda's locale.
    if os.environ.get("LC_CTYPE") == "C.UTF-8":
        del os.environ["LC_CTYPE"]


class Recorder:
    """Writes the events of the runtime to a named pipe, one JSON object per line."""

    def __init__(self) -> None:
        self.pipe = os.open(RECORDS, os.O_WRONLY)

    def write(self, **fields: object) -> None:
        os.write(self.pipe, (json.dumps({"pid": os.getpid(), **fields}) + "\n").encode())


def measured(recorder: Recorder, handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a handler that calls `handler` and records the time of each call."""

    def measured_handler(event: Any, context: Any) -> Any:
        begin = time.perf_counter()
        returned = False
        try:
            answer = handler(event, context)
            returned = True
            return answer
        finally:
            recorder.write(what="returned" if returned else "raised", ms=(time.perf_counter() - begin) * 1e3)

    return measured_handler


def main() -> None:
    begin = started()
    prepare()
    recorder = Recorder()

    # Imported after sys.path is set.
    client = import_module("awslambdaric.__main__")
    bootstrap: Any = import_module("awslambdaric.bootstrap")
    base = import_module("awslambdaric.lambda_runtime_client").BaseLambdaRuntimeClient
    get_handler = bootstrap._get_handler

    def get_measured_handler(name: str) -> Callable[[Any, Any], Any]:
        handler = get_handler(name)
        recorder.write(what="init", ms=(time.clock_gettime(time.CLOCK_BOOTTIME) - begin) * 1e3)
        return measured(recorder, handler)

    def recorded(post: Callable[..., Any]) -> Callable[..., Any]:
        # The emulator returns an error like any other answer, so only the runtime can distinguish them.
        def record_and_post(*arguments: Any, **options: Any) -> Any:
            recorder.write(what="error")
            return post(*arguments, **options)

        return record_and_post

    # These are internal names, because awslambdaric has no hooks for this. Its version is pinned.
    bootstrap._get_handler = get_measured_handler
    base.post_init_error = recorded(base.post_init_error)
    base.post_invocation_error = recorded(base.post_invocation_error)
    client.main(sys.argv)


if __name__ == "__main__":
    main()
