"""Read what is published in a region: each version of the layers, its grants, its SSM parameters, and the functions that use it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ..matrix import Target
from . import parameters, sharing, versions
from .account import Region
from .grants import Policy
from .stages import Stage
from .versions import Listed


@dataclass(frozen=True)
class Entry:
    """A version of a layer in a region. `parameters` are the names of the SSM parameters with its ARN."""

    region: Region
    target: Target
    layer: str
    listed: Listed
    policy: Policy
    parameters: tuple[str, ...]

    @property
    def is_latest(self) -> bool:
        return any(name.endswith("/latest") for name in self.parameters)


def read(region: Region, stage: Stage, targets: Sequence[Target]) -> list[Entry]:
    """Return each version of these layers, grouped by layer, newest first. Raise AwsError when a call fails."""
    pointers = pointed(region, stage)
    return [
        Entry(region, target, stage.layer(target), one, sharing.policy(region, stage.layer(target), one.version), pointers.get(one.arn, ()))
        for target in targets
        for one in versions.listed(region, stage.layer(target))
    ]


def pointed(region: Region, stage: Stage) -> dict[str, tuple[str, ...]]:
    """Return the names of the stage's SSM parameters by their value, which is an ARN. Raise AwsError when a call fails."""
    names: dict[str, list[str]] = defaultdict(list)
    for name, value in parameters.below(region, f"/{stage.prefix}").items():
        names[value].append(name)
    return {arn: tuple(sorted(found)) for arn, found in names.items()}


def users(region: Region) -> dict[str, tuple[str, ...]]:
    """Return the functions of this region and their published versions, by the ARN of each layer version that they use.

    Raise AwsError when a call fails.
    """
    names: dict[str, list[str]] = defaultdict(list)
    everything = region.arn("lambda", "function:*")
    for function in region.pages("lambda", "list_functions", everything, "Functions", FunctionVersion="ALL"):
        for layer in function.get("Layers", ()):
            version = function.get("Version", "$LATEST")
            names[layer["Arn"]].append(function["FunctionName"] + ("" if version == "$LATEST" else f":{version}"))
    return {arn: tuple(sorted(found)) for arn, found in names.items()}
