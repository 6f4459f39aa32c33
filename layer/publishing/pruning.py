"""Decide which versions to delete. The newest ones stay, and those that a known function, parameter or grant refers to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from . import parameters, versions
from .inventory import Entry

_SHOWN = 3


@dataclass(frozen=True)
class Decision:
    """The decision about one version. `keep` is the reason to keep it, or None to delete it, after the parameters in `unpoint`."""

    entry: Entry
    keep: str | None
    unpoint: tuple[str, ...] = ()


def decide(
    entries: Sequence[Entry], users: Mapping[str, Sequence[str]], *, last: int, retire: bool = False, shared: datetime | None = None
) -> list[Decision]:
    """Return a decision for each version. `entries` are all versions of one layer in one region, newest first.

    last: how many of the newest versions stay. retire: also delete versions that only the parameter of their own release names, and
    that parameter. shared: also delete versions that other accounts may use, whose functions are not visible, if the next version was published
    before this time.
    """
    return [
        _decide(entry, number < last, last, users, retire, _may_go(entries[number - 1], shared)) for number, entry in enumerate(entries)
    ]


def _may_go(next_one: Entry, shared: datetime | None) -> bool:
    return shared is not None and datetime.fromisoformat(next_one.listed.created) < shared


def _decide(entry: Entry, recent: bool, last: int, users: Mapping[str, Sequence[str]], retire: bool, shared: bool) -> Decision:
    if recent:
        return Decision(entry, f"one of the last {last}")
    if used := users.get(entry.listed.arn):
        return Decision(entry, f"used by {_some(used)}")
    own = tuple(name for name in entry.parameters if name.rpartition("/")[2] == entry.listed.release)
    if pointing := [name for name in entry.parameters if not (retire and name in own)]:
        return Decision(entry, f"{_some(pointing)} {'points' if len(pointing) == 1 else 'point'} to it")
    if entry.policy.grants and not shared:
        return Decision(
            entry, f"shared with {_some([str(grant) for grant in sorted(entry.policy.granted())])}, whose functions can't be seen"
        )
    return Decision(entry, None, own)


def remove(decision: Decision) -> None:
    """Delete the parameters that name the version, then the version. Raise AwsError when a call fails."""
    entry = decision.entry
    for name in decision.unpoint:
        parameters.delete(entry.region, name)
    versions.delete(entry.region, entry.layer, entry.listed.version)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
