"""What is really published: every version of the layers in a region, who may use it, what points to it and which functions have it."""

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
    """A version of a layer in a region. `parameters` are the names of those that hold its ARN."""

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
    """Returns every version of these layers, by layer, newest first. Raises AwsError."""
    pointers = pointed(region, stage)
    return [
        Entry(region, target, stage.layer(target), one, sharing.policy(region, stage.layer(target), one.version), pointers.get(one.arn, ()))
        for target in targets
        for one in versions.listed(region, stage.layer(target))
    ]


def pointed(region: Region, stage: Stage) -> dict[str, tuple[str, ...]]:
    """Returns the names of the stage's parameters by the ARN that they hold."""
    names: dict[str, list[str]] = defaultdict(list)
    for name, value in parameters.below(region, f"/{stage.prefix}").items():
        names[value].append(name)
    return {arn: tuple(sorted(found)) for arn, found in names.items()}


def users(region: Region) -> dict[str, tuple[str, ...]]:
    """Returns the functions of the account in this region, their published versions too, by the ARN of each layer that they have."""
    names: dict[str, list[str]] = defaultdict(list)
    everything = region.arn("lambda", "function:*")
    for function in region.pages("lambda", "list_functions", everything, "Functions", FunctionVersion="ALL"):
        for layer in function.get("Layers", ()):
            version = function.get("Version", "$LATEST")
            names[layer["Arn"]].append(function["FunctionName"] + ("" if version == "$LATEST" else f":{version}"))
    return {arn: tuple(sorted(found)) for arn, found in names.items()}
