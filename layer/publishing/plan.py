"""Compare the wanted state of a layer in a region with the actual state. This is the plan before a change and the check after it."""

from __future__ import annotations

from dataclasses import dataclass

from . import parameters, sharing, versions
from .account import Region
from .artefact import Artefact
from .grants import Grant, Policy
from .stages import Stage
from .versions import Listed, Version

NEW = "the new version"


@dataclass(frozen=True)
class Wanted:
    """The wanted state of a layer in every region. `immutable`: the parameter of a release must not change to another zip."""

    artefact: Artefact
    stage: Stage
    grants: frozenset[Grant]
    immutable: bool = False

    @property
    def layer(self) -> str:
        return self.stage.layer(self.artefact.target)

    @property
    def latest(self) -> str:
        """The name of the SSM parameter of the latest release."""
        return self.stage.parameter(self.artefact.target, "latest")

    @property
    def release(self) -> str:
        """The name of this release's SSM parameter."""
        return self.stage.parameter(self.artefact.target, self.artefact.release)


@dataclass(frozen=True)
class Found:
    """The actual state: the versions with the wanted hash (newest first), the newest version of all, the policy and the parameters."""

    same: tuple[Version, ...] = ()
    newest: Listed | None = None
    policy: Policy = Policy({})  # noqa: RUF009 (frozen)
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def version(self) -> Version | None:
        """The version to use. Among several with the same bytes, it is one that a parameter names, otherwise the newest."""
        pointed = [version for version in self.same if version.arn in dict(self.parameters).values()]
        return next(iter([*pointed, *self.same]), None)


@dataclass(frozen=True)
class Difference:
    """The necessary changes. `faults` can't be corrected by a change of this version; `notes` are for the reader."""

    publish: bool = False
    grants: tuple[Grant, ...] = ()
    parameters: tuple[tuple[str, str | None], ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.publish or self.grants or self.parameters or self.faults)

    def steps(self) -> list[str]:
        """Return a description of each change."""
        steps = ["publish a version"] if self.publish else []
        steps += [f"share with {grant}" for grant in self.grants]
        return steps + [f"set {name}" + (f" (now {_short(old)})" if old else "") for name, old in self.parameters]


def look(region: Region, wanted: Wanted) -> Found:
    """Return the actual state of the layer in the region. Raise AwsError when a call fails."""
    there = versions.listed(region, wanted.layer)
    same = tuple(versions.with_hash(region, wanted.layer, wanted.artefact.code_sha256, there))
    values = parameters.read(region, [wanted.latest, wanted.release])
    found = Found(same, there[0] if there else None, parameters=tuple(sorted(values.items())))
    if not found.version:
        return found
    policy = sharing.policy(region, wanted.layer, found.version.version)
    return Found(found.same, found.newest, policy, found.parameters)


def compare(wanted: Wanted, found: Found) -> Difference:
    """Return the difference, which is empty when the region is in the wanted state."""
    values, version = dict(found.parameters), found.version
    arn = version.arn if version else None
    stale = tuple((name, values.get(name)) for name in (wanted.release, wanted.latest) if arn is None or values.get(name) != arn)
    faults = [*_attributes(wanted, version)] if version else []
    taken = values.get(wanted.release)
    if wanted.immutable and taken and taken != arn:
        faults.append(
            f"{wanted.artefact.release} is already published with another zip ({taken}): raise the version in python/rdspool/version.py,"
            " or give --replace to let the release mean this zip from now on"
        )
    granted = found.policy.granted()
    grants = tuple(sorted(wanted.grants - granted if version else wanted.grants))
    return Difference(version is None, grants, stale, tuple(faults), tuple(_notes(wanted, found, granted)))


def _attributes(wanted: Wanted, version: Version) -> list[str]:
    artefact = wanted.artefact
    pairs = (
        ("runtimes", version.runtimes, artefact.runtimes),
        ("architectures", version.architectures, artefact.architectures),
        ("licence", version.licence, artefact.licence),
    )
    return [
        f"{version.arn} has the {name} {_list(there)}, not {_list(given)}, which can't be changed: delete that version and run this again"
        for name, there, given in pairs
        if there != given
    ]


def _notes(wanted: Wanted, found: Found, granted: frozenset[Grant]) -> list[str]:
    notes = []
    if len(found.same) > 1:
        notes.append("the same zip is published as versions " + ", ".join(str(version.version) for version in reversed(found.same)))
    if extra := granted - wanted.grants:
        notes.append(f"also shared with {', '.join(map(str, sorted(extra)))}: `share --remove` ends that")
    if found.policy.others:
        notes.append(f"its policy has other statements: {', '.join(sorted(found.policy.others))}")
    return notes


def _list(value: tuple[str, ...] | str) -> str:
    return repr(value) if isinstance(value, str) else ", ".join(value) or "(none)"


def _short(arn: str) -> str:
    return ":".join(arn.split(":")[-2:])
