"""Start and control workers: processes in a sandbox whose hosts file has the RDS-like name, optionally under a CPU quota."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import boto3
import click

from local.endpoint import Endpoint
from local.environment.parts import sandbox
from local.environment.quota import Quota
from local.errors import LocalError

from . import authorities, connector_c
from .contenders import BY_NAME
from .extras import extras

ROOT = Path(__file__).resolve().parents[2]
ANSWER_TIMEOUT = 120.0
"""In seconds."""
Start = Literal["plain", "orm", "sqlalchemy", "files"]
"""What is measured at the start: import and engine; the same and sqlalchemy.orm; the same after sqlalchemy; the files that are opened."""

_PASSED_ON = ("PATH", "HOME", "LANG", "TZ")
_CODE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from tests.bench.worker import main; main(*sys.argv[1:])"


class WorkerError(click.ClickException):
    """The process of a contender failed. Its traceback is above on stderr."""


class Place:
    """The endpoint to which all workers connect, and the hosts file with its name."""

    def __init__(self, endpoint: Endpoint, folder: Path, layers: Mapping[str, Path]) -> None:
        """Write the files for the workers to `folder`. `layers` are the unpacked layers by contender."""
        self.endpoint = endpoint
        self.layers = {f"BENCH_LAYER_{name}": str(layer / "python") for name, layer in layers.items()}
        self.authorities = authorities.write(folder, endpoint.front.ca_file, endpoint.front.region)
        hosts = folder / "hosts"
        self.alias = f"alias.{endpoint.front.host}"
        """A name that leads to the server, but is not in its certificate."""
        hosts.write_text(f"127.0.0.1 localhost\n::1 localhost\n{endpoint.front.address} {endpoint.front.host} {self.alias}\n")
        given = endpoint.credentials
        self._rds = boto3.client(
            "rds",
            region_name=endpoint.front.region,
            aws_access_key_id=given.access_key,
            aws_secret_access_key=given.secret_key,
            aws_session_token=given.session_token,
        )
        # All other files are those of the machine. The C library reads the hosts file too, so the C drivers verify the same name.
        self.prefix = [*sandbox(), "--dev-bind", "/", "/", "--ro-bind", str(hosts), "/etc/hosts", "--die-with-parent"]

    def token(self) -> str:
        """Return a new token, signed by boto3."""
        front = self.endpoint.front
        signed: str = self._rds.generate_db_auth_token(DBHostname=front.host, Port=front.port, DBUsername=self.endpoint.user)
        return signed


class Process:
    """A running worker. Its methods raise WorkerError when it fails or does not answer."""

    def __init__(self, name: str, place: Place, child: subprocess.Popen[str]) -> None:
        self.name = name
        self._place = place
        self._child = child
        self._selector = selectors.DefaultSelector()
        assert child.stdout is not None
        self._selector.register(child.stdout, selectors.EVENT_READ)

    def start(self, how: Start = "plain") -> dict[str, Any]:
        """Make the worker import and create its engine, and return the figures."""
        self._say(how)
        started: dict[str, Any] = json.loads(self.read())
        return started

    def order(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Make the worker call its method `do`, and return the result."""
        self._say(json.dumps({"do": do, "token": self._place.token(), **arguments}))
        answer: dict[str, Any] = json.loads(self.read())
        if "error" in answer:
            raise WorkerError(f"{self.name} failed in {do!r}: {answer['error']}")
        return answer

    def read(self) -> str:
        assert self._child.stdout is not None
        if not self._selector.select(ANSWER_TIMEOUT):
            raise WorkerError(f"{self.name} gave no answer within {ANSWER_TIMEOUT:g} s")
        line = self._child.stdout.readline()
        if not line:
            raise WorkerError(f"{self.name} ended with status {self._child.wait(10)}")
        return line

    def _say(self, line: str) -> None:
        assert self._child.stdin is not None
        with suppress(BrokenPipeError):  # read() reports the end of the worker
            self._child.stdin.write(line + "\n")
            self._child.stdin.flush()


@contextmanager
def worker(
    name: str, place: Place, *, quota: Quota | None = None, bundle: authorities.Bundle = "region", host: str | None = None
) -> Iterator[Process]:
    """Run a worker until the block ends. At its start, the interpreter is running, in the group of a quota, which does not apply yet.

    `bundle` are the authorities; those who ship their own do not load all regions'. `host` is the server's name, by default that in the certificate.
    """
    ca = place.authorities["region" if BY_NAME[name].ships_authorities and bundle == "all" else bundle]
    inherited = {variable: os.environ[variable] for variable in _PASSED_ON if variable in os.environ}
    environment = {**inherited, **place.endpoint.variables(str(ca)), **place.endpoint.role(), **place.layers}
    if host is not None:
        environment["RDSPOOL_HOST"] = host
    if BY_NAME[name].connector_c:
        environment["MARIADB_PLUGIN_DIR"] = str(connector_c.plugins())
    command = [*place.prefix, sys.executable, "-I", "-c", _CODE, str(ROOT), name, str(extras(name) or "")]
    with ExitStack() as stack:
        if quota is not None:
            stack.callback(_remove, quota)
            command = [*quota.prefix(), *command]
        child = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(_end, child)
        process = Process(name, place, child)
        process.read()
        yield process


def _end(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError):
        child.stdin.close()
    try:
        child.wait(30)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    child.stdout.close()


def _remove(quota: Quota) -> None:
    """Remove the control group. The kernel keeps it for a moment after the end of its last process."""
    end = time.monotonic() + 5
    while True:
        try:
            quota.remove()
        except OSError as error:
            if time.monotonic() > end:
                raise LocalError(f"the control group of a finished worker can't be removed: {error.strerror}") from error
            time.sleep(0.02)
        else:
            return
