"""A Runtime API of our own, and function processes that use it: for what AWS's emulator can't do (SnapStart) or not often enough (fleets).

The other side is the real runtime client, awslambdaric, in a process without a sandbox. Source: AWS Lambda Developer Guide, "Using the Lambda
runtime API for custom runtimes" and "Lambda Extensions API".
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from .errors import LambdaEnvironmentError
from .interpreter import interpreter
from .parts import runtime

_END = object()
_LATE = 5.0
"""Seconds that an answer may come after Lambda would have ended the invocation: a busy machine is no failure."""
_POLL = 0.1  # seconds
PREFIX = "/2018-06-01/runtime"
EXTENSION = "/2020-01-01/extension"
HOSTS = Path(__file__).resolve().parent / "hosts"
"""Has the sitecustomize.py that gives a process a hosts file of its own."""
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:function"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    process: FunctionProcess

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print an error of this module. That the process ends in the middle of a request is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Write no log."""

    def _answer(self, status: int = 202, body: bytes = b"{}", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """Answer what waits: for the next invocation, for the restore of the snapshot, for an extension's next event."""
        process = self.server.process
        if self.path == f"{PREFIX}/invocation/next":
            process._ready.set()
            given = process._events.get()
            if given is _END:
                self.close_connection = True
                return
            request, deadline, body = given
            self._answer(
                200,
                body,
                Lambda_Runtime_Aws_Request_Id=request,
                Lambda_Runtime_Deadline_Ms=str(deadline),
                Lambda_Runtime_Invoked_Function_Arn=ARN,
                Content_Type="application/json",
            )
        elif self.path == f"{PREFIX}/restore/next":
            process._snapshot.set()
            process._restore.wait()
            self._answer(200)
        elif self.path == f"{EXTENSION}/event/next":
            process.extension_waits = True
            process._ended.wait()
            self.close_connection = True
        else:
            self._answer(404)

    def do_POST(self) -> None:
        """Take what the runtime says: an answer, an error, an extension's registration."""
        process = self.server.process
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == f"{EXTENSION}/register":
            process.extensions.append(self.headers.get("Lambda-Extension-Name", ""))
            self._answer(200, Lambda_Extension_Identifier=str(uuid4()))
            return
        process._answers.put((self.path.rpartition("/")[2], body))
        self._answer()


class FunctionProcess:
    """One process of a function, as an environment has it, with this checkout's rdspool and the packages of this interpreter.

    hosts: names that resolve to the given addresses. timeout: seconds. client: a folder with another version of the runtime client.
    snap_start: the process stops where the snapshot would be taken, until `restore()`. Raise LambdaEnvironmentError if init or an invocation
    fails, or the process ends.
    """

    def __init__(
        self,
        task: Path,
        *,
        variables: Mapping[str, str],
        handler: str = "handler.handler",
        timeout: float = 3.0,
        snap_start: bool = False,
        client: Path | None = None,
        hosts: Mapping[str, str] | None = None,
    ) -> None:
        self.task = task
        self.timeout = timeout
        self.extensions: list[str] = []
        self.extension_waits = False
        self._printed: str | None = None
        self._events: queue.Queue[Any] = queue.Queue()
        self._answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._ready, self._snapshot, self._restore, self._ended = (threading.Event() for _ in range(4))
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.process = self
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        minor = ".".join(map(str, sys.version_info[:2]))
        root = Path(__file__).resolve().parents[2]
        self._own = tempfile.TemporaryDirectory(prefix="rdspool-")
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_address[1]}",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{minor}",
            "AWS_LAMBDA_FUNCTION_NAME": "function",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if snap_start else "on-demand",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"stream/{uuid4().hex}",
            "LAMBDA_TASK_ROOT": str(task),
            "FUNCTION_PROCESS_HOSTS": json.dumps(dict(hosts or {})),
            "PYTHONPATH": os.pathsep.join(
                map(str, (HOSTS, task, *([client] if client else ()), root / "python", runtime(interpreter(minor))))
            ),
            **variables,
        }
        self._log = (Path(self._own.name) / "log").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", handler], cwd=task, env=environment, stdout=self._log, stderr=self._log
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def log(self) -> str:
        """What the process has printed."""
        return self._read_log() if self._printed is None else self._printed

    def _read_log(self) -> str:
        return Path(self._log.name).read_text(errors="replace")

    def wait_ready(self, seconds: float = 30.0) -> None:
        """Wait until init is over, or the snapshot would be taken."""
        end = time.monotonic() + seconds
        while not (self._ready.is_set() or self._snapshot.is_set()):
            if self.process.poll() is not None or time.monotonic() > end:
                raise LambdaEnvironmentError(f"init did not end: {self.log}")
            time.sleep(0.005)

    @property
    def at_snapshot(self) -> bool:
        """Whether the process stands where the snapshot is taken."""
        return self._snapshot.is_set() and not self._restore.is_set()

    def restore(self) -> None:
        """Go on as an environment that was restored from the snapshot does."""
        self._restore.set()

    def invoke(self, event: Any = None) -> Any:
        """Return the handler's answer. Raises LambdaEnvironmentError for its error, and where it takes longer than Lambda lets it."""
        deadline = time.time() + self.timeout
        self._events.put((str(uuid4()), int(deadline * 1000), json.dumps(event).encode()))
        kind, body = self._answer()
        if kind != "response":
            raise LambdaEnvironmentError(body.decode(errors="replace"))
        return json.loads(body)

    def _answer(self) -> tuple[str, bytes]:
        end = time.monotonic() + self.timeout + _LATE
        while True:
            # Before the look at the queue: a process can answer and end.
            ended = self.process.poll()
            with contextlib.suppress(queue.Empty):
                return self._answers.get(timeout=_POLL if ended is None else 0)
            if ended is not None:
                raise LambdaEnvironmentError(f"the process ended with status {ended}: {self.log}")
            if time.monotonic() > end:
                raise LambdaEnvironmentError(f"Task timed out after {self.timeout:.2f} seconds: {self.log}")

    def signal(self, number: int) -> None:
        """Send a signal, such as SIGSTOP and SIGCONT for a freeze."""
        self.process.send_signal(number)

    def terminate(self) -> float:
        """End the process as Lambda does: with SIGTERM where an extension is registered, else at once. Return the seconds that it took."""
        began = time.monotonic()
        if self.extensions:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.5)
        took = time.monotonic() - began
        self.kill()
        return took

    def kill(self) -> None:
        """End the process without a word, and what belongs to it."""
        self._ended.set()
        self._restore.set()
        self._events.put(_END)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._server.shutdown()
        self._server.server_close()
        if self._printed is None:
            self._printed = self._read_log()
            self._log.close()
            self._own.cleanup()
