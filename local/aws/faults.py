"""Faults that tests set: which calls (`Call`), and what happens to them (`Refuse`, `Silence`, `Close`, `LoseAnswer`, `Delay`)."""

from __future__ import annotations

import itertools
import threading
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """Calls of a service ("lambda"), operation ("PublishLayerVersion"), region and account. None matches any."""

    service: str | None = None
    operation: str | None = None
    region: str | None = None
    account: str | None = None

    def matches(self, *, service: str, operation: str, region: str, account: str) -> bool:
        pairs = ((self.service, service), (self.operation, operation), (self.region, region), (self.account, account))
        return all(wanted in (None, given) for wanted, given in pairs)


@dataclass(frozen=True)
class Refuse:
    """Answer with an error of AWS. The call is not executed."""

    status: int
    code: str
    message: str


@dataclass(frozen=True)
class Silence:
    """Accept the call but never answer it."""


@dataclass(frozen=True)
class Close:
    """Close the connection without an answer. The call is not executed."""


@dataclass(frozen=True)
class LoseAnswer:
    """Execute the call, then close the connection without an answer."""


@dataclass(frozen=True)
class Delay:
    """Execute the call, then answer after `seconds`."""

    seconds: float


Do = Refuse | Silence | Close | LoseAnswer | Delay
_KINDS: dict[str, type[Do]] = {kind.__name__: kind for kind in (Refuse, Silence, Close, LoseAnswer, Delay)}


def throttled() -> Refuse:
    """Return Lambda's answer to too many calls."""
    return Refuse(429, "TooManyRequestsException", "Rate exceeded")


def disabled() -> Refuse:
    """Return the answer of a region that the account has not enabled."""
    return Refuse(403, "UnrecognizedClientException", "The security token included in the request is invalid.")


def to_json(do: Do) -> dict[str, Any]:
    """Return the fault as JSON values."""
    return {"kind": type(do).__name__, **asdict(do)}


def from_json(value: dict[str, Any]) -> Do:
    """Return the fault of JSON values."""
    values = dict(value)
    do: Do = _KINDS[values.pop("kind")](**values)
    return do


@dataclass
class Rule:
    """A fault and the calls that it applies to: it skips `after` matching calls, then applies `times` times (None: always)."""

    id: int
    when: Call
    do: Do
    times: int | None
    after: int
    hits: int = 0


class Rules:
    """The current rules, oldest first. The first rule that matches a call applies."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._ids = itertools.count(1)

    def add(self, when: Call, do: Do, times: int | None, after: int) -> int:
        """Add a rule and return its id."""
        with self._lock:
            rule = Rule(next(self._ids), when, do, times, after)
            self._rules.append(rule)
            return rule.id

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def take(self, **call: str) -> Do | None:
        """Return the fault for this call, or None, and count the call."""
        with self._lock:
            for rule in self._rules:
                if not rule.when.matches(**call) or rule.times == 0:
                    continue
                if rule.after:
                    rule.after -= 1
                    continue
                rule.times = None if rule.times is None else rule.times - 1
                rule.hits += 1
                return rule.do
        return None
