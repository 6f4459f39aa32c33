"""Invoke functions in local Lambda environments (../environment), in place of moto's containers.

A function has one environment, from its first invocation until it is deleted, so the second invocation is a warm start.
"""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends

from ..environment import Credentials, Environment


@dataclass
class Functions:
    """The running environments. `hosts`, `files` and `credentials` are those of Environment, and the same for all functions."""

    hosts: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    credentials: Credentials | None = None
    _running: dict[int, tuple[Environment, Path]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def settings(self, hosts: dict[str, str], files: dict[str, str], credentials: dict[str, Any] | None) -> None:
        """Set what the functions reach from now on, and end those that run."""
        self.hosts, self.files = hosts, files
        self.credentials = Credentials(**credentials) if credentials else None
        for number in list(self._running):
            self._close(number)

    def install(self) -> None:
        """Patch moto in this process."""
        delete = LambdaBackend.delete_function

        def deleting(backend: LambdaBackend, function_name: str, qualifier: str | None = None) -> None:
            self._close(id(backend.get_function(function_name, qualifier)))
            delete(backend, function_name, qualifier)

        LambdaFunction._invoke_lambda = lambda function, event=None: self._invoke(function, event)  # type: ignore[method-assign,assignment]
        LambdaBackend.delete_function = deleting  # type: ignore[method-assign,assignment]

    def _invoke(self, function: LambdaFunction, event: Any) -> tuple[str, bool, str]:
        """Return the payload as JSON, whether it is an error, and the log."""
        with self._lock:
            environment, _ = self._running.get(id(function)) or self._start(function)
            done = environment.invoke({} if event == "{}" else event)
        error = done.error
        payload = {"errorType": error.type, "errorMessage": error.message, "stackTrace": error.trace} if error else done.payload
        return json.dumps(payload), error is not None, "\n".join(done.logs)

    def _start(self, function: LambdaFunction) -> tuple[Environment, Path]:
        folder = Path(tempfile.mkdtemp(prefix="function-"))
        layers = []
        for number, layer in enumerate(function.layers):
            owner = str(layer["Arn"]).split(":")[4]
            found = lambda_backends[owner][function.region].layers_versions_by_arn(str(layer["Arn"]))
            layers.append(folder / f"layer{number}.zip")
            layers[-1].write_bytes(found.code_bytes if found else b"")
        task = folder / "task.zip"
        task.write_bytes(base64.b64decode(function.code["ZipFile"]))
        environment = Environment(
            layers=layers,
            task=task,
            handler=str(function.handler),
            python=str(function.run_time).removeprefix("python"),
            variables=function.environment_vars,
            credentials=self.credentials,
            region=function.region,
            memory=function.memory_size,
            timeout=int(function.timeout),
            hosts=self.hosts,
            files=self.files,
        ).start()
        self._running[id(function)] = environment, folder
        return self._running[id(function)]

    def _close(self, number: int) -> None:
        with self._lock:
            environment, folder = self._running.pop(number, (None, None))
            if environment and folder:
                environment.close()
                shutil.rmtree(folder)
