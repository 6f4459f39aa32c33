"""Try layers: run a function with the layer in local/'s Lambda environment, where it connects to a database on this machine.

A layer for another architecture is run by QEMU, if asked for: it is imported, makes its engine and signs in.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import emulation, endpoint
from local.endpoint import CA, Endpoint
from local.environment import Invocation
from local.errors import NotHereError

from .. import matrix
from ..building.unpack import unpack
from ..matrix import Target

PROBE = Path(__file__).with_name("probe")
"""The function that is run: its handler connects and runs one query."""

_EMULATED = "import json, handler; print(json.dumps([handler.handler(None, None) for _ in range(2)]))"
_PATIENCE = {"RDSPOOL_CONNECT_TIMEOUT": "120"}
"""QEMU translates each instruction when it is first executed, so a first connect takes some seconds."""


@dataclass(frozen=True)
class Trial:
    """The result for one zip. `faults` are sentences; `missing` says why the zip was not run. Times are in milliseconds.

    init_ms: from the start of the runtime's process to the end of the imports. first_ms, warm_ms: the first and second call of the
    handler; None if QEMU ran it, whose times say nothing. sign_in, tls: how the connection signed in, and its TLS version.
    """

    path: Path
    target: Target
    faults: tuple[str, ...] = ()
    missing: str | None = None
    sign_in: str = ""
    tls: str = ""
    init_ms: float | None = None
    first_ms: float | None = None
    warm_ms: float | None = None
    emulated: bool = False

    @property
    def passed(self) -> bool:
        return not self.faults and self.missing is None


def run(zips: Iterable[tuple[Path, Target]], *, emulate: bool = False) -> Iterator[Trial]:
    """Yield a trial of each zip. All use one database, whose user signs in with IAM.

    emulate: run those for another architecture too, with QEMU. Raise LocalError (local.errors) when this machine can't provide the
    database, the Lambda environment or its Python.
    """
    machine = matrix.of_machine(os.uname().machine)
    zips = list(zips)
    if not emulate and not any(target.architecture == machine for _, target in zips):
        yield from (_not_here(path, target, machine) for path, target in zips)
        return
    with endpoint.start() as database:
        for path, target in zips:
            if target.architecture == machine:
                yield _try(path, target, database)
            else:
                yield _emulated(path, target, database) if emulate else _not_here(path, target, machine)


def _not_here(path: Path, target: Target, machine: str) -> Trial:
    return Trial(
        path,
        target,
        missing=f"is for {target.architecture}, this machine is {machine}: inspect it with --run on such a machine, or with --emulate",
    )


def _emulated(path: Path, target: Target, database: Endpoint) -> Trial:
    front = database.front
    front.reset()
    with tempfile.TemporaryDirectory() as folder:
        unpack(path, Path(folder))
        try:
            done = emulation.run(
                _EMULATED,
                python=target.python,
                architecture=target.architecture,
                task=PROBE,
                opt=Path(folder),
                variables=database.variables(CA) | database.role() | _PATIENCE,
                hosts={front.host: front.address},
                files={CA: front.ca_file},
            )
        except NotHereError as error:
            return Trial(path, target, missing=str(error))
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        return Trial(path, target, (f"the function failed under QEMU: {said}",), emulated=True)
    results = zip(json.loads(done.stdout), ("first", "second"), strict=True)
    faults = [fault for result, which in results for fault in faults_of(result, which)]
    return Trial(path, target, tuple(faults or _connected(database)), None, *_signed_in(database), emulated=True)


def _try(path: Path, target: Target, database: Endpoint) -> Trial:
    database.front.reset()
    with database.environment(task=PROBE, layers=[path], python=target.python) as environment:
        first, warm = environment.invoke(), environment.invoke()
        signed_in, connected = _signed_in(database), _connected(database)
    faults = [*_faults(first, "first"), *_faults(warm, "second")] or connected
    return Trial(path, target, tuple(faults), None, *signed_in, first.init_ms, first.duration_ms, warm.duration_ms)


def _signed_in(database: Endpoint) -> tuple[str, str]:
    """Return how the last connection signed in, and its TLS version."""
    connections = database.front.connections()
    return (connections[-1].sign_in or "", connections[-1].tls_version or "") if connections else ("", "")


def _connected(database: Endpoint) -> list[str]:
    """Return a fault unless two invocations have used one connection, signed in with IAM."""
    connections = database.front.connections()
    if [connection.sign_in for connection in connections] == ["iam"]:
        return []
    sign_ins = ", ".join(connection.sign_in or "none" for connection in connections) or "none"
    return [f"two invocations opened {len(connections)} connections (sign-in: {sign_ins}); expected one, signed in with iam"]


def _faults(invocation: Invocation, which: str) -> Iterator[str]:
    if invocation.error:
        printed = "".join(f"; it printed: {line}" for line in invocation.logs[-1:])
        yield f"the {which} invocation failed: {invocation.error}{printed}"
        return
    yield from faults_of(invocation.payload, which)


def faults_of(result: dict[str, Any], which: str) -> Iterator[str]:
    """Yield what is wrong with a result of the probe. `which` invocation it is of is in the sentences."""
    if not result["package"].startswith("/opt/python/"):
        yield f"the {which} invocation imported rdspool from {result['package']}, not from the layer"
    if result["compiled"]:
        yield f"the {which} invocation compiled {len(result['compiled'])} files of the layer, such as {result['compiled'][0]}"
