"""A function as an example deploys it, in a Lambda environment on this machine, before a local database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from layers import LayerOf

from local.endpoint import CA, Endpoint
from local.environment import Environment


def assert_runs(database: Endpoint, layer_of: LayerOf, task: Path, function: Mapping[str, Any], variables: Mapping[str, str]) -> None:
    """Invoke the function three times: one connection serves them all. `function` has the properties that CloudFormation and Lambda give it."""
    python = function["Runtime"].removeprefix("python")
    with (
        Environment(
            layers=[layer_of(python=python)],
            task=task,
            handler=function["Handler"],
            python=python,
            memory=function["MemorySize"],
            timeout=function["Timeout"],
            # The authority of this machine's certificates is all that AWS would not need.
            variables={**variables, "RDSPOOL_CA": CA},
            credentials=database.credentials,
            region=database.front.region,
            hosts={database.front.host: database.front.address},
            files={CA: database.front.ca_file},
        ) as environment,
        database.front.count() as count,
    ):
        invocations = [environment.invoke({}) for _ in range(3)]
    for invocation in invocations:
        assert invocation.error is None, "\n".join([str(invocation.error), *invocation.logs])
    assert len({invocation.payload["connection_id"] for invocation in invocations}) == 1
    assert count.round_trips > 0
