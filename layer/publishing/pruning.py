"""Which versions may go: never the newest ones, and none that anything in reach still uses or points to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import parameters, versions
from .inventory import Entry

_SHOWN = 3


@dataclass(frozen=True)
class Decision:
    """`keep` is the reason to keep it, None when it may go. `unpoint`: parameters that go before it."""

    entry: Entry
    keep: str | None
    unpoint: tuple[str, ...] = ()


def decide(
    entries: Sequence[Entry], users: Mapping[str, Sequence[str]], *, last: int, retire: bool = False, shared: bool = False
) -> list[Decision]:
    """Returns a decision for each version. `entries` are all versions of one layer in one region, newest first.

    `retire`: versions to which only the parameter of their own release points may go, and it with them; `shared`: so may those that
    others can use, whose functions nobody here can see.
    """
    return [_decide(entry, number < last, last, users, retire, shared) for number, entry in enumerate(entries)]


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
            entry, f"shared with {_some([str(grant) for grant in sorted(entry.policy.holders())])}, whose functions can't be seen"
        )
    return Decision(entry, None, own)


def remove(decision: Decision) -> None:
    """Removes the version, and before it the parameters that would be left pointing to nothing. Raises AwsError."""
    entry = decision.entry
    for name in decision.unpoint:
        parameters.delete(entry.region, name)
    versions.delete(entry.region, entry.layer, entry.listed.version)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
