"""Point the SSM parameter `latest` of a layer in a region to another version that is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import LayerError
from . import parameters, versions
from .account import Region
from .inventory import Entry
from .stages import Stage

AS_ASKED = "as asked"
TO_CHANGE = "to change"
CHANGED = "changed"
FAILED = "failed"


@dataclass
class Move:
    """The change of one parameter `latest` in a region. `now` and `to` are ARNs; `problem` says why the change was not made."""

    region: Region
    layer: str
    parameter: str
    now: str | None = None
    to: str | None = None
    problem: str | None = None
    done: bool = False

    @property
    def status(self) -> str:
        if self.problem:
            return FAILED
        if self.done:
            return CHANGED
        return AS_ASKED if self.now == self.to else TO_CHANGE


def plan(entries: Sequence[Entry], stage: Stage, release: str | None, number: int | None) -> Move:
    """Return the change. `entries` are all versions of one layer in one region; `release` or `number` names the wanted one.

    It has a problem when `latest` is missing, a call fails, there is no such version or several, the version has another zip than its
    description says, or it lacks a grant of the version that `latest` names. If somebody has deleted that version, its grants are unknown.
    """
    region, name = entries[0].region, stage.parameter(entries[0].target, "latest")
    move = Move(region, entries[0].layer, name)
    try:
        move.now = parameters.read(region, [name]).get(name)
        if move.now is None:
            raise LayerError(f"{name} does not exist: `python -m layer publish` sets it")
        wanted = _wanted(entries, release, number)
        _check(wanted, next((entry for entry in entries if entry.listed.arn == move.now), None))
        move.to = wanted.listed.arn
    except LayerError as error:
        move.problem = str(error)
    return move


def _wanted(entries: Sequence[Entry], release: str | None, number: int | None) -> Entry:
    fits = [entry for entry in entries if number in (None, entry.listed.version) and release in (None, entry.listed.release)]
    there = ", ".join(f"{entry.listed.version} ({entry.listed.release or 'not by this tool'})" for entry in entries)
    asked = " ".join([*([f"release {release}"] if release else []), *([f"version {number}"] if number else [])])
    if not fits:
        raise LayerError(f"it has no {asked} there: it has {there}")
    # beta publishes a release several times. Its parameter names the last zip.
    named = [entry for entry in fits if any(name.rpartition("/")[2] == release for name in entry.parameters)]
    if len(fits) > 1 and len(named) != 1:
        raise LayerError(f"it has several versions of {asked} ({', '.join(str(one.listed.version) for one in fits)}): give --version too")
    return named[0] if named else fits[0]


def _check(wanted: Entry, current: Entry | None) -> None:
    """Raise LayerError when the version is not what it is described as, or may be used by fewer than the `current` one."""
    number, described = wanted.listed.version, wanted.listed.hash
    there = versions.read(wanted.region, wanted.layer, number).code_sha256
    if described != there:
        raise LayerError(
            f"version {number} is described with {f'the sha256 {described}' if described else 'no sha256'}, Lambda reports {there}:"
            " this tool did not publish it like that"
        )
    if missing := sorted(current.policy.granted() - wanted.policy.granted() if current else ()):
        grants = " ".join(f"--add {grant}" for grant in missing)
        raise LayerError(
            f"version {number} is not shared with {', '.join(map(str, missing))}, but the one that `latest` names is:"
            f" run `python -m layer share --version {number} {grants}` first"
        )


def apply(move: Move) -> None:
    """Set the parameter, and read it again. Raise LayerError when it is not as asked then, or AwsError when a call fails."""
    if move.to is None:
        raise ValueError("there is nothing to set")
    parameters.write(move.region, move.parameter, move.to)
    if (found := parameters.read(move.region, [move.parameter]).get(move.parameter)) != move.to:
        raise LayerError(f"after the change, {move.parameter} is {found or 'missing'}. Run this again")
    move.done = True
