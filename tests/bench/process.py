"""A worker as the benchmark holds it: a process in a sandbox whose hosts file has the RDS-like name, under a CPU quota where one is wanted."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import click

from local.endpoint import Endpoint
from local.environment.parts import sandbox
from local.environment.quota import Quota
from local.errors import LocalError

from . import authorities
from .contenders import BY_NAME
from .extras import extras

ROOT = Path(__file__).resolve().parents[2]
ANSWER_TIMEOUT = 300.0
"""Seconds: a worker with 7 % of a processor needs half a minute for its imports."""
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ")
_CODE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from tests.bench.worker import main; main(*sys.argv[1:])"


class WorkerError(click.ClickException):
    """A contender's process failed; its own traceback stands above on stderr."""


class Place:
    """Where all workers connect to: one endpoint, and the hosts file by which they find it."""

    def __init__(self, endpoint: Endpoint, folder: Path, before: Path | None = None) -> None:
        """Take the endpoint, a folder for its files, and the folder with another commit's rdspool, if that is measured too."""
        self.endpoint = endpoint
        self.before = before
        self.authorities = authorities.write(folder, endpoint.front.ca_file, endpoint.front.region)
        hosts = folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost\n::1 localhost\n{endpoint.front.address} {endpoint.front.host}\n")
        given = endpoint.credentials
        self._rds = boto3.client(
            "rds",
            region_name=endpoint.front.region,
            aws_access_key_id=given.access_key,
            aws_secret_access_key=given.secret_key,
            aws_session_token=given.session_token,
        )
        # Everything else is the machine's own. The C library reads the hosts file too, so the C drivers verify the same name.
        self.prefix = [*sandbox(), "--dev-bind", "/", "/", "--ro-bind", str(hosts), "/etc/hosts", "--die-with-parent"]

    def token(self) -> str:
        """Return a token signed now, by boto3."""
        front = self.endpoint.front
        signed: str = self._rds.generate_db_auth_token(DBHostname=front.host, Port=front.port, DBUsername=self.endpoint.user)
        return signed


class Process:
    """A running worker. Raises WorkerError where it fails or stays silent."""

    def __init__(self, name: str, place: Place, child: subprocess.Popen[str]) -> None:
        self.name = name
        self._place = place
        self._child = child
        self._selector = selectors.DefaultSelector()
        assert child.stdout is not None
        self._selector.register(child.stdout, selectors.EVENT_READ)

    def start(self) -> dict[str, Any]:
        """Let it import and make its engine; return what that cost."""
        self._say("go")
        started: dict[str, Any] = json.loads(self.read())
        return started

    def order(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have it do something; return its answer."""
        self._say(json.dumps({"do": do, "token": self._place.token(), **arguments}))
        answer: dict[str, Any] = json.loads(self.read())
        if "error" in answer:
            raise WorkerError(f"{self.name} failed at {do!r}: {answer['error']}")
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
        with suppress(BrokenPipeError):  # the missing answer tells
            self._child.stdin.write(line + "\n")
            self._child.stdin.flush()


@contextmanager
def worker(name: str, place: Place, *, quota: Quota | None = None, bundle: authorities.Bundle = "region") -> Iterator[Process]:
    """Run a worker for as long as the block lasts. It has its interpreter up and waits; a quota counts from here on.

    `bundle` is for those who do not bring their authorities along.
    """
    ca = place.authorities["shipped" if BY_NAME[name].ships_authorities else bundle]
    inherited = {variable: os.environ[variable] for variable in _PASSED_ON if variable in os.environ}
    environment = {**inherited, **place.endpoint.variables(str(ca)), **place.endpoint.role()}
    if place.before is not None:
        environment["BENCH_BEFORE"] = str(place.before)
    command = [*place.prefix, sys.executable, "-I", "-c", _CODE, str(ROOT), name, str(extras(name) or "")]
    with ExitStack() as stack:
        if quota is not None:
            stack.callback(_remove, quota)
            command = [*quota.prefix(), *command]
        child = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(_end, child)
        process = Process(name, place, child)
        process.read()
        if quota is not None:
            quota.limit()
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
    """Remove the group, which the kernel holds for a moment after its last process."""
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
