"""Try layers: run a function with the layer in local/'s Lambda environment, where it connects to a database on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import endpoint
from local.endpoint import Endpoint
from local.environment import Environment, Invocation

from . import matrix
from .matrix import Target

PROBE = Path(__file__).with_name("probe")
"""The function that is run: its handler connects and runs one query."""

_CA = "/etc/ssl/certs/rdspool-trial-ca.pem"


@dataclass(frozen=True)
class Trial:
    """The result for one zip. `faults` are sentences; `missing` says why the zip was not run. Times are in milliseconds.

    init_ms: from the start of the runtime's process to the end of the imports. first_ms, warm_ms: the first and second call of the
    handler. sign_in, tls: how the connection signed in, and its TLS version.
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

    @property
    def passed(self) -> bool:
        return not self.faults and self.missing is None


def run(zips: Iterable[tuple[Path, Target]]) -> Iterator[Trial]:
    """Yield a trial of each zip. All use one database, whose user signs in with IAM.

    Raise LocalError (local.errors) when this machine can't provide the database, the Lambda environment or its Python.
    """
    machine = matrix.of_machine(os.uname().machine)
    zips = list(zips)
    if not any(target.architecture == machine for _, target in zips):
        yield from (_not_here(path, target, machine) for path, target in zips)
        return
    with endpoint.start() as database:
        for path, target in zips:
            yield _try(path, target, database) if target.architecture == machine else _not_here(path, target, machine)


def _not_here(path: Path, target: Target, machine: str) -> Trial:
    return Trial(path, target, missing=f"is for {target.architecture}, this machine is {machine}: inspect it with --run on such a machine")


def _try(path: Path, target: Target, database: Endpoint) -> Trial:
    front = database.front
    front.reset()
    with Environment(
        task=PROBE,
        layers=[path],
        python=target.python,
        variables=database.variables(_CA),
        credentials=database.credentials,
        region=front.region,
        hosts={front.host: front.address},
        files={_CA: front.ca_file},
    ) as environment:
        first, warm = environment.invoke(), environment.invoke()
        connections = front.connections()
    last = connections[-1] if connections else None
    faults = [*_faults(first, "first"), *_faults(warm, "second")]
    if not faults and (len(connections) != 1 or not last or last.sign_in != "iam"):
        sign_ins = ", ".join(connection.sign_in or "none" for connection in connections) or "none"
        faults.append(f"two invocations opened {len(connections)} connections (sign-in: {sign_ins}); expected one, signed in with iam")
    return Trial(
        path,
        target,
        tuple(faults),
        None,
        last.sign_in if last else "",
        (last.tls_version or "") if last else "",
        first.init_ms,
        first.duration_ms,
        warm.duration_ms,
    )


def _faults(invocation: Invocation, which: str) -> Iterator[str]:
    if invocation.error:
        printed = "".join(f"; it printed: {line}" for line in invocation.logs[-1:])
        yield f"the {which} invocation failed: {invocation.error}{printed}"
        return
    result: dict[str, Any] = invocation.payload
    if not result["package"].startswith("/opt/python/"):
        yield f"the {which} invocation imported rdspool from {result['package']}, not from the layer"
    if result["compiled"]:
        yield f"the {which} invocation compiled {len(result['compiled'])} files of the layer, such as {result['compiled'][0]}"
