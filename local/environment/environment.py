"""A Lambda environment: start, invoke, freeze, thaw and shut it down."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import parts, processes
from .emulator import Emulator
from .errors import LambdaEnvironmentError
from .interpreter import interpreter
from .invocation import FunctionError, Invocation, Shutdown
from .layers import folder_of, opt
from .output import Records
from .quota import Quota, quota
from .sandbox import Mounts, make_etc
from .scratch import Scratch
from .variables import Credentials, Role, variables

POST_SECONDS = 20.0  # in addition to the function's timeout
REPORT_SECONDS = 2.0
SHUTDOWN_SECONDS = 10.0
PYTHONS = ("3.12", "3.13", "3.14")  # Lambda's, on Amazon Linux 2023
EXITED = re.compile(r"Process runtime-\d+ exited: (.*)")


class Environment:
    """A function with its layers in a separate environment, which runs one invocation at a time, as on Lambda.

    task: the function, a folder or a zip. layers: zips or folders, at most five; later ones override earlier ones.
    variables: the function's environment variables. credentials: those of its role; default: random ones.
    memory: in MB, reported to the function but not enforced. timeout: in seconds.
    hosts: names and the addresses to which they resolve. files: additional files of this machine, by their path in the environment.
    cpu_share: share of one processor after init. If this machine can't limit it, `quota_missing` says why.

    Raise LambdaEnvironmentError when the environment can't be created or has ended, and PartMissingError when a part is missing. Errors of
    the function are in its Invocation.
    """

    def __init__(
        self,
        *,
        task: str | os.PathLike[str],
        layers: Sequence[str | os.PathLike[str]] = (),
        handler: str = "handler.handler",
        python: str = "3.13",
        variables: Mapping[str, str] | None = None,
        credentials: Role | None = None,
        region: str = "eu-central-1",
        memory: int = 128,
        timeout: int = 60,
        hosts: Mapping[str, str] | None = None,
        files: Mapping[str, str | os.PathLike[str]] | None = None,
        cpu_share: float | None = None,
    ) -> None:
        if python not in PYTHONS:
            raise LambdaEnvironmentError(f"python={python!r}: Lambda runs functions on {', '.join(PYTHONS)}; name one of them")
        self.layers = [Path(layer) for layer in layers]
        self.task = Path(task)
        self.handler = handler
        self.python = python
        self.credentials: Role = credentials or Credentials.random()
        self.region = region
        self.memory = memory
        self.timeout = timeout
        self.hosts = dict(hosts or {})
        self.files = {name: Path(source) for name, source in (files or {}).items()}
        self.cpu_share = cpu_share
        self.quota_missing: str | None = None
        self._configured = dict(variables or {})
        self._invoking = threading.Lock()
        self._ready = False
        self._frozen = False
        self._emulator: Emulator | None = None
        self._scratch: Scratch | None = None
        self._records: Records | None = None
        self._quota: Quota | None = None

    def __repr__(self) -> str:
        state = "new" if self._emulator is None else "running" if self._emulator.alive else "ended"
        return f"<Environment {self.task.name} {self.handler} python{self.python} {state}>"

    def __enter__(self) -> Self:
        return self if self._scratch is not None else self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def start(self) -> Self:
        """Start the emulator and return the environment. As on Lambda, init is part of the first invocation."""
        if self._scratch is not None or self._emulator is not None:
            raise LambdaEnvironmentError(f"{self!r} was started before; create a new Environment")
        self._scratch = Scratch()
        try:
            self._emulator = self._prepared(self._scratch.folder)
        except BaseException:
            self.close()
            raise
        return self

    def _prepared(self, scratch: Path) -> Emulator:
        python = interpreter(self.python)
        make_etc(scratch / "etc", self.hosts, self.files)
        records = self._records = Records(scratch / "records", self._init_ended)
        mounts = Mounts(
            interpreter=python,
            emulator=parts.emulator(),
            runtime=parts.runtime(python),
            task=folder_of(self.task, "the function"),
            opt=opt(self.layers, scratch),
            etc=scratch / "etc",
            records=scratch / "records",
            files=self.files,
            executable=python.relocated(),
        )
        environment = variables(
            handler=self.handler,
            minor=python.minor,
            region=self.region,
            memory=self.memory,
            timeout=self.timeout,
            initialization="on-demand",
            credentials=self.credentials,
            configured=self._configured,
        )
        if self.cpu_share is not None:
            group = quota(self.cpu_share)
            if isinstance(group, Quota):
                self._quota = group
            else:
                self.quota_missing = group
        return Emulator(parts.sandbox(), mounts, environment, self.handler, records, self._quota.prefix() if self._quota else ())

    def _init_ended(self) -> None:
        if self._quota:
            try:
                self._quota.limit()
            except OSError as error:
                self.quota_missing = (
                    f"no CPU quota: the kernel rejects {self.cpu_share} of a processor in {self._quota.folder}: {error.strerror}"
                )

    def _running(self) -> Emulator:
        if self._emulator is None:
            raise LambdaEnvironmentError(f"{self!r} is not running: use it in a with statement, or call start()")
        if not self._emulator.alive:
            raise LambdaEnvironmentError(f"{self!r} has ended: {self._emulator.last_output()}")
        return self._emulator

    def invoke(self, event: Any = None) -> Invocation:
        """Send the event (any JSON value) and return the result. Calls from several threads run one after the other."""
        body = json.dumps({} if event is None else event)
        with self._invoking:
            emulator = self._running()
            self._thaw()
            output = emulator.output
            emulator.records.take()
            function_lines, emulator_lines, finished = len(output.function), len(output.emulator), output.finished
            begin = time.perf_counter()
            answer = emulator.post(body, self.timeout + POST_SECONDS)
            wall_ms = (time.perf_counter() - begin) * 1e3
            output.wait_for(finished + 1, REPORT_SECONDS)
            records = {record.what: record for record in emulator.records.take()}
        init, returned = records.get("init"), records.get("returned")
        handled = returned or records.get("raised")
        failed = returned is None or "error" in records
        cold = init is not None or not self._ready
        # A runtime with neither a result nor an error has ended. The next invocation starts a new one.
        self._ready = (self._ready or init is not None) and (returned is not None or "error" in records)
        return Invocation(
            payload=None if failed else _decoded(answer),
            error=_error(answer, output.emulator[emulator_lines:]) if failed else None,
            start="cold" if cold else "warm",
            init_ms=init.ms if init else None,
            duration_ms=handled.ms if handled else None,
            wall_ms=wall_ms,
            logs=output.function[function_lines:],
        )

    @property
    def logs(self) -> list[str]:
        """All lines that the function and its runtime have printed. It is available after the end too."""
        return list(self._emulator.output.function) if self._emulator else []

    @property
    def emulator_logs(self) -> list[str]:
        """The lines of the emulator. Its REPORT figures are not measured: use those of the Invocation."""
        return list(self._emulator.output.emulator) if self._emulator else []

    @property
    def pids(self) -> list[int]:
        """The process ids, on this machine, of the runtime and then of its children. Empty before the first invocation."""
        return processes.descendants(self._emulator.first) if self._emulator and self._emulator.alive else []

    def freeze(self) -> None:
        """Stop all processes of the function, as Lambda does between invocations. Connections stay open and clocks continue."""
        self._running()
        self._frozen = True
        processes.stop(self.pids)

    def thaw(self) -> None:
        """Continue the processes. An invocation and a shutdown do this too, as on Lambda."""
        self._running()
        self._thaw()

    def _thaw(self) -> None:
        if self._frozen:
            processes.send(self.pids, signal.SIGCONT)
            self._frozen = False

    def terminate(self) -> Shutdown:
        """Shut the environment down as Lambda does: SIGTERM to the runtime if an extension is registered, otherwise SIGKILL."""
        emulator = self._running()
        self._thaw()
        output = emulator.output
        runtime = [processes.Handle(pid) for pid in self.pids[:1]]
        function_lines, emulator_lines = len(output.function), len(output.emulator)
        begin = time.perf_counter()
        processes.send([emulator.first], signal.SIGTERM)
        for handle in runtime:
            handle.wait(SHUTDOWN_SECONDS)
            handle.close()
        duration_ms = (time.perf_counter() - begin) * 1e3
        emulator.wait()
        self._ready = False
        killed = any("SIGKILL to runtime" in line for line in output.emulator[emulator_lines:])
        return Shutdown(duration_ms, killed, output.function[function_lines:])

    def close(self) -> None:
        """Kill all processes of the environment and remove its folders. A second call does nothing."""
        if self._scratch is None:
            return
        if self._emulator is not None:
            self._emulator.end()
        if self._records is not None:
            self._records.close()
        if self._quota is not None:
            self._quota.remove()
        self._scratch.remove()
        self._scratch = self._records = self._quota = None


def _decoded(answer: bytes) -> Any:
    try:
        return json.loads(answer)
    except ValueError:
        return answer.decode(errors="replace")


def _error(answer: bytes, emulator_lines: list[str]) -> FunctionError:
    error = _decoded(answer)
    if isinstance(error, dict) and "errorMessage" in error:
        trace = [line.rstrip("\n") for line in error.get("stackTrace") or ()]
        return FunctionError(error.get("errorType", ""), error["errorMessage"], trace)
    if not error:
        # If the runtime ends during init, only the emulator's log says so.
        ends = [found[1] for line in emulator_lines if (found := EXITED.search(line))]
        return FunctionError(
            "Runtime.ExitError", f"Runtime exited before the handler was loaded: {ends[-1] if ends else 'no reason given'}"
        )
    return FunctionError("", error if isinstance(error, str) else json.dumps(error))
