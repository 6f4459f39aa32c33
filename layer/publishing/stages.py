"""Stages (beta, prod), and the names of layers and parameters in each stage."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .. import matrix
from ..errors import LayerError
from ..matrix import Target
from .grants import Grant

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:(?P<layer>[\w-]+):(?P<version>\d+)"
)


@dataclass(frozen=True)
class Stage:
    """beta or prod. `share` are the default grants, `prerelease` says whether pre-releases and uncommitted trees are accepted."""

    name: str
    infix: str
    share: frozenset[Grant]
    prerelease: bool

    @property
    def prefix(self) -> str:
        """The beginning of all names, such as rdspool-beta."""
        return f"{matrix.product()}{self.infix}"

    def layer(self, target: Target) -> str:
        """Return the LayerName: the name of the file plus the stage, with _ instead of dots, which Lambda does not accept."""
        return target.name.replace(matrix.product(), self.prefix, 1).replace(".", "_")

    def parameter(self, target: Target, leaf: str) -> str:
        """Return the name of the SSM parameter for `leaf` (latest or a release), such as /rdspool/python3.13/x86_64/latest."""
        return f"/{self.prefix}/{target.runtime}/{target.architecture}/{leaf}"


@dataclass(frozen=True)
class Arn:
    """The parts of a layer version's ARN."""

    partition: str
    region: str
    account: str
    layer: str
    version: int

    def __str__(self) -> str:
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:layer:{self.layer}:{self.version}"


def stage(name: str) -> Stage:
    """Return the stage of layer/matrix.toml with this name. Raise KeyError when there is none."""
    table = matrix.section("stage")[name]
    return Stage(name, table["infix"], frozenset(map(Grant.parse, table["share"])), table["prerelease"])


def parse_arn(text: str) -> Arn:
    """Return the parts of a layer version's ARN. Raise LayerError when `text` is not one."""
    match = _ARN.fullmatch(text)
    if not match:
        raise LayerError(f"{text} is not the ARN of a layer version, such as arn:aws:lambda:eu-west-1:123456789012:layer:NAME:3")
    parts = match.groupdict()
    if (partition := matrix.partition_of(parts["region"])) not in (None, parts["partition"]):
        raise LayerError(f"{text} is no ARN: the region {parts['region']} is in AWS's partition {partition}, not in {parts['partition']}")
    return Arn(parts["partition"], parts["region"], parts["account"], parts["layer"], int(parts["version"]))


def identify(layer: str) -> tuple[Target, Stage]:
    """Return the target and the stage of a LayerName. Raise LayerError when this tree has no such layer."""
    for candidate in map(stage, matrix.section("stage")):
        for target in matrix.targets():
            if candidate.layer(target) == layer:
                return target, candidate
    raise LayerError(f"{layer} is not the name of a layer of this tree, such as {stage('prod').layer(matrix.targets()[0])}")
