"""Run AWS's Lambda emulator, with the runtime as its child process, in the sandbox."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO, cast

from . import processes
from .errors import LambdaEnvironmentError
from .output import Output, Records
from .sandbox import Mounts, command
from .variables import FUNCTION_NAME

INVOCATIONS = f"/2015-03-31/functions/{FUNCTION_NAME}/invocations"
START_SECONDS = 20.0
END_SECONDS = 10.0
ATTEMPTS = 3  # another process can bind the free port before the emulator does


class Emulator:
    """A running aws-lambda-rie. `first` is the id of the first process in the sandbox. When it ends, all others end."""

    def __init__(
        self,
        bubblewrap: list[str],
        mounts: Mounts,
        variables: Mapping[str, str],
        handler: str,
        records: Records,
        prefix: Sequence[str] = (),
    ) -> None:
        self.records = records
        self._process: subprocess.Popen[bytes] | None = None
        self._handle: processes.Handle | None = None
        for _ in range(ATTEMPTS):
            self.port, runtime_port = _free_ports(2)
            inner = ["/var/rapid/aws-lambda-rie", "--runtime-interface-emulator-address", f"127.0.0.1:{self.port}"]
            inner += ["--runtime-api-address", f"127.0.0.1:{runtime_port}"]
            inner += [f"/var/lang/bin/python{mounts.interpreter.minor}", "/var/runtime/bootstrap.py", handler]
            try:
                self._spawn(bubblewrap, mounts, variables, inner, prefix)
                if self._listens():
                    return
            except BaseException:
                self.end()
                raise
            self.end()
        raise LambdaEnvironmentError(f"the Lambda emulator did not start: {self.last_output()}")

    def _spawn(self, bubblewrap: list[str], mounts: Mounts, variables: Mapping[str, str], inner: list[str], prefix: Sequence[str]) -> None:
        read, write = os.pipe()
        with os.fdopen(read, "rb") as information:
            try:
                process = processes.spawner.submit(
                    subprocess.Popen,
                    [*prefix, *command(bubblewrap, mounts, write, inner)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=dict(variables),
                    pass_fds=(write,),
                    start_new_session=True,
                ).result()
            finally:
                os.close(write)
            self.output = Output(cast(IO[bytes], process.stdout))
            self._process = process
            info = information.read()
        if not info:
            process.wait()
            self.output.wait_for_end(1)
            raise LambdaEnvironmentError(f"the sandbox did not start: {self.last_output()}")
        self.first = json.loads(info)["child-pid"]
        self._handle = processes.Handle(self.first)

    def _listens(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.alive:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            except OSError:
                time.sleep(0.002)
        return False

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def last_output(self) -> str:
        """Return the last lines of output, for an error message."""
        return " / ".join((self.output.function + self.output.emulator)[-4:]) or "it printed nothing"

    def post(self, body: str, seconds: float) -> bytes:
        """Send an event and return the body of the answer. Callers must take turns, because two events at once crash the emulator.

        Raise LambdaEnvironmentError when there is no answer within `seconds`.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request("POST", INVOCATIONS, body, {"Content-Type": "application/json"})
            return connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            raise LambdaEnvironmentError(
                f"the Lambda emulator gave no answer ({error or type(error).__name__}): {self.last_output()}"
            ) from error
        finally:
            connection.close()

    def wait(self) -> None:
        """Wait for a requested end. Kill the emulator if it does not end."""
        if self._process is not None:
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self.output.wait_for_end(1)

    def end(self) -> None:
        """Kill all processes of the sandbox."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.output.wait_for_end(1)
        if self._handle is not None:
            self._handle.wait(END_SECONDS)
            self._handle.close()
            self._handle = None


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [taken.getsockname()[1] for taken in sockets]
    finally:
        for taken in sockets:
            taken.close()
