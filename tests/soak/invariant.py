"""The invariant: what the function answered of each unit agrees with what the database has of it, and the processes stay as small as they were."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

ACCOUNTS = 8
BEGIN = 1000
"""What each account has before the first unit."""

ONCE = {"committed"}
NEVER = {"failed", "rolled back", "left open"}
EITHER = {"unknown", "no answer"}
"""`no answer`: the environment died, or Lambda would have ended the invocation."""

FEWEST = 100
"""Invocations of an environment from which its memory and descriptors are judged: its first ones import and fill caches."""
MEMORY = 4 * 2**20
"""Bytes by which an environment may grow from the second quarter of its invocations to the last: an allocator is never exactly flat."""
DESCRIPTORS = 1
"""The same for open descriptors: the connection is open or not when they are counted."""


@dataclass
class Unit:
    """A unit of work: `amount` goes from the account `source` to `target`."""

    id: int
    source: int
    target: int
    amount: int
    how: str
    outcome: str = "no answer"
    error: str | None = None


@dataclass(frozen=True)
class Sample:
    """An environment's size after an invocation: bytes, and open descriptors."""

    environment: int
    memory: int
    descriptors: int


def broken_units(units: Iterable[Unit], rows: Sequence[tuple[int, int, int, int]], accounts: Mapping[int, int]) -> list[str]:
    """Return what contradicts the outcomes of `units`. `rows` are those of the table units: id, source, target, amount."""
    found = []
    known = {unit.id: unit for unit in units}
    times = Counter(row[0] for row in rows)
    for unit in known.values():
        count = times.pop(unit.id, 0)
        if unit.outcome in ONCE and count != 1:
            found.append(f"unit {unit.id} was said to be {unit.outcome}, and is there {count} times")
        elif unit.outcome in NEVER and count != 0:
            found.append(f"unit {unit.id} was said to be {unit.outcome} ({unit.error}), and is there {count} times")
        elif unit.outcome in EITHER and count > 1:
            found.append(f"unit {unit.id} ({unit.outcome}) is there {count} times")
        elif unit.outcome not in ONCE | NEVER | EITHER:
            found.append(f"unit {unit.id} has the outcome {unit.outcome!r}, which means nothing")
    found += [f"unit {id_} is there, and nobody ran it" for id_ in times]
    if sum(accounts.values()) != ACCOUNTS * BEGIN:
        found.append(f"the accounts hold {sum(accounts.values())} in all, not {ACCOUNTS * BEGIN}")
    expected = dict.fromkeys(range(1, ACCOUNTS + 1), BEGIN)
    for _, source, target, amount in rows:
        expected[source] -= amount
        expected[target] += amount
    found += [
        f"account {account} holds {accounts.get(account)}, and the units that are there make it {amount}"
        for account, amount in expected.items()
        if accounts.get(account) != amount
    ]
    return found


@dataclass(frozen=True)
class Growth:
    """What an environment had in the second quarter of its invocations and in the last: medians of bytes and of descriptors."""

    environment: int
    invocations: int
    memory: tuple[float, float]
    descriptors: tuple[float, float]


def growths(samples: Iterable[Sample]) -> list[Growth]:
    """Return the growth of each environment that served enough invocations."""
    by: defaultdict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        by[sample.environment].append(sample)
    made = []
    for environment, all_ in by.items():
        if len(all_) < FEWEST:
            continue
        quarter = len(all_) // 4
        parts = all_[quarter : 2 * quarter], all_[-quarter:]
        memory, descriptors = (tuple(median(getattr(one, name) for one in part) for part in parts) for name in ("memory", "descriptors"))
        made.append(Growth(environment, len(all_), memory, descriptors))
    return made


def broken_growths(grown: Sequence[Growth]) -> list[str]:
    """Return what says that environments do not stay flat, or that none was there for long enough to know."""
    if not grown:
        return [f"no environment served {FEWEST} invocations, so nothing is known of memory and descriptors"]
    found = []
    for one in grown:
        for what, values, most in (("bytes of memory", one.memory, MEMORY), ("descriptors", one.descriptors, DESCRIPTORS)):
            if values[1] - values[0] > most:
                found.append(f"environment {one.environment} grew from {values[0]:.0f} to {values[1]:.0f} {what}")
    return found
