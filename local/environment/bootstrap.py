"""The runtime's first process, at /var/runtime/bootstrap.py in the sandbox.

Does what the managed runtime's bootstrap does before awslambdaric takes over (search path, site folders), and measures init and
handler from within.
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
# For the emulator, which has no other way to be told; a function on Lambda does not have it.
TIMEOUT = "AWS_LAMBDA_FUNCTION_TIMEOUT"


def started() -> float:
    """Return when this process began, in seconds of CLOCK_BOOTTIME.

    The kernel tells it in ticks of 10 ms; within the tick, the CPU time used so far says more.
    """
    with open("/proc/self/stat") as file:
        ticks = int(file.read().rpartition(")")[2].split()[19])
    tick = 1 / os.sysconf("SC_CLK_TCK")
    return min(max(NOW - CPU, ticks * tick), (ticks + 1) * tick)


def prepare() -> None:
    """Set sys.path in the managed runtime's order and the variables that only this side of the emulator can set."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = [f"/opt/python/lib/{version}/site-packages", "/opt/python"]
    ours = [TASK, *packages, f"/var/lang/lib/{version}/site-packages", RUNTIME]
    # Debian's Python has folders of its own for packages, which Lambda's has not.
    sys.path[:] = ours + [
        path for path in sys.path if path not in ours and "dist-packages" not in path and path.startswith("/var/lang/lib")
    ]
    for folder in (TASK, *packages):
        if os.path.isdir(folder):  # noqa: PTH112 - pathlib would count in every init
            site.addsitedir(folder)
    os.environ.pop(TIMEOUT, None)
    # CPython sets it when the machine does not have Lambda's locale.
    if os.environ.get("LC_CTYPE") == "C.UTF-8":
        del os.environ["LC_CTYPE"]


class Recorder:
    """Tells the outside what happened when, one JSON object a line."""

    def __init__(self) -> None:
        self.pipe = os.open(RECORDS, os.O_WRONLY)

    def write(self, **fields: object) -> None:
        os.write(self.pipe, (json.dumps({"pid": os.getpid(), **fields}) + "\n").encode())


def measured(recorder: Recorder, handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return the handler, with a record of each of its calls."""

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

    # Not before sys.path is right.
    client = import_module("awslambdaric.__main__")
    bootstrap: Any = import_module("awslambdaric.bootstrap")
    base = import_module("awslambdaric.lambda_runtime_client").BaseLambdaRuntimeClient
    get_handler = bootstrap._get_handler

    def get_measured_handler(name: str) -> Callable[[Any, Any], Any]:
        handler = get_handler(name)
        recorder.write(what="init", ms=(time.clock_gettime(time.CLOCK_BOOTTIME) - begin) * 1e3)
        return measured(recorder, handler)

    def told(post: Callable[..., Any]) -> Callable[..., Any]:
        # The emulator hands over an error like any other answer: only the runtime knows which it was.
        def post_and_tell(*arguments: Any, **options: Any) -> Any:
            recorder.write(what="error")
            return post(*arguments, **options)

        return post_and_tell

    # Its own names: awslambdaric has no hook for any of this, and its version is pinned.
    bootstrap._get_handler = get_measured_handler
    base.post_init_error = told(base.post_init_error)
    base.post_invocation_error = told(base.post_invocation_error)
    client.main(sys.argv)


if __name__ == "__main__":
    main()
