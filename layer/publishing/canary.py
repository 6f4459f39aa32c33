"""Try a published layer version in AWS: a function with it connects twice, and is deleted again."""

from __future__ import annotations

import io
import json
import secrets
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import matrix, trial
from ..errors import LayerError
from .account import Region
from .catalogue import Row
from .errors import AwsError

PREFIX = f"{matrix.product()}-canary-"
"""The beginning of the functions' names. One that is left was not deleted, because the process or the call failed."""

_MEMORY = 512  # MB
_TIMEOUT = 30  # seconds
_ATTEMPTS = 90
_PAUSE = 2.0  # seconds; a function in a VPC takes a minute or so to become active
_NOWHERE = {"RDSPOOL_HOST": "nowhere.invalid", "RDSPOOL_USER": "canary"}


@dataclass(frozen=True)
class Setup:
    """The function: the role that it runs as, its variables (rdspool's settings), its subnets and security groups.

    Without RDSPOOL_HOST or RDSPOOL_URL among the variables, it has no database. It then makes its engine, and its connect must fail
    because the name does not exist.
    """

    role: str
    variables: Mapping[str, str] = field(default_factory=dict)
    subnets: Sequence[str] = ()
    groups: Sequence[str] = ()

    @property
    def alone(self) -> bool:
        return not self.variables.keys() & {"RDSPOOL_HOST", "RDSPOOL_URL"}


def run(region: Region, row: Row, setup: Setup, pause: float = _PAUSE) -> list[str]:
    """Return what is wrong with the layer version of a row: nothing if the list is empty. `pause` is in seconds.

    Raise AwsError when a call fails.
    """
    name = f"{PREFIX}{row.python.replace('.', '_')}-{row.architecture}-{secrets.token_hex(4)}"
    arn = region.arn("lambda", f"function:{name}")
    region.ask("lambda", "create_function", arn, **_function(name, row, setup))
    try:
        _wait(region, name, arn, pause)
        return [fault for which in ("first", "second") for fault in _faults(_invoke(region, name, arn, setup), which, setup)]
    finally:
        region.ask("lambda", "delete_function", arn, FunctionName=name)


def _function(name: str, row: Row, setup: Setup) -> dict[str, Any]:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archived:
        archived.write(trial.PROBE / "handler.py", "handler.py")
    return {
        "FunctionName": name,
        "Description": f"{matrix.product()}: tries {row.arn}, and can be deleted",
        "Runtime": f"python{row.python}",
        "Architectures": [row.architecture],
        "Handler": "handler.handler",
        "Role": setup.role,
        "Code": {"ZipFile": code.getvalue()},
        "Layers": [row.arn],
        "MemorySize": _MEMORY,
        "Timeout": _TIMEOUT,
        "Environment": {"Variables": {**(_NOWHERE if setup.alone else {}), **setup.variables}},
        **({"VpcConfig": {"SubnetIds": list(setup.subnets), "SecurityGroupIds": list(setup.groups)}} if setup.subnets else {}),
    }


def _wait(region: Region, name: str, arn: str, pause: float) -> None:
    for _ in range(_ATTEMPTS):
        found = region.ask("lambda", "get_function_configuration", arn, FunctionName=name)
        if found["State"] == "Active":
            return
        if found["State"] == "Failed":
            break
        time.sleep(pause)
    raise LayerError(f"{name} did not become active: {found.get('StateReason') or found['State']}")


def _invoke(region: Region, name: str, arn: str, setup: Setup) -> dict[str, Any]:
    """Return the answer: the payload of the function, or what the runtime says of its error."""
    asked = json.dumps({"alone": setup.alone}).encode()
    try:
        # Without retries: each would be an invocation more.
        answer = region.ask("lambda", "invoke", arn, retries=False, FunctionName=name, Payload=asked)
        payload = json.loads(answer["Payload"].read())
    except ValueError as error:
        raise AwsError("InvalidPayload", f"{name} answered something else than JSON: {error}") from error
    return {"failed": payload} if answer.get("FunctionError") else dict(payload)


def _faults(result: dict[str, Any], which: str, setup: Setup) -> list[str]:
    if failed := result.get("failed"):
        return [f"the {which} invocation failed: {failed.get('errorType')}: {failed.get('errorMessage')}"]
    faults = list(trial.faults_of(result, which))
    if setup.alone and result.get("error") != "UnreachableError":
        faults.append(
            f"the {which} connect to a host that does not exist ended with {result.get('error') or 'success'}, not UnreachableError"
        )
    if not setup.alone and not result.get("user"):
        faults.append(f"the {which} invocation signed in as nobody")
    return faults
