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
    """A version of a layer in a region. `parameters` are the names of the SSM parameters with its ARN.

    `code_sha256` is what Lambda reports for its zip. It is read only for the versions that `latest` names, because a region can have
    hundreds of others.
    """

    region: Region
    target: Target
    layer: str
    listed: Listed
    policy: Policy
    parameters: tuple[str, ...]
    code_sha256: str = ""

    @property
    def is_latest(self) -> bool:
        return is_latest(self.parameters)


def read(region: Region, stage: Stage, targets: Sequence[Target]) -> list[Entry]:
    """Return each version of these layers, grouped by layer, newest first. Raise AwsError when a call fails."""
    pointers = pointed(region, stage)
    found = []
    for target in targets:
        layer = stage.layer(target)
        for one in versions.listed(region, layer):
            names = pointers.get(one.arn, ())
            code_sha256 = versions.read(region, layer, one.version).code_sha256 if is_latest(names) else ""
            found.append(Entry(region, target, layer, one, sharing.policy(region, layer, one.version), names, code_sha256))
    return found


def is_latest(parameters: Sequence[str]) -> bool:
    """Return whether one of these SSM parameters is a `latest`."""
    return any(name.endswith("/latest") for name in parameters)


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
