"""Rules of faults, for the front and for the AWS API: what they apply to, how often, and how they travel as JSON."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any


def to_json(part: Any) -> dict[str, Any]:
    """Return an event or a fault, which is a dataclass, as JSON values."""
    return {"kind": type(part).__name__, **asdict(part)}


def from_json(value: dict[str, Any], kinds: Iterable[type[Any]]) -> Any:
    """Return the event or the fault of JSON values, which is of one of the `kinds`."""
    values = dict(value)
    name = values.pop("kind")
    return next(kind for kind in kinds if kind.__name__ == name)(**values)


@dataclass
class Rule[When, Do]:
    """A fault and the events that it applies to: it skips `after` matching events, then applies `times` times (None: always)."""

    id: int
    when: When
    do: Do
    times: int | None
    after: int
    hits: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the rule as JSON values."""
        return {**vars(self), "when": to_json(self.when), "do": to_json(self.do)}


class Rules[When, Do]:
    """The current rules, oldest first. The first rule that matches an event applies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._rules: list[Rule[When, Do]] = []

    def __bool__(self) -> bool:
        return bool(self._rules)

    def add(self, when: When, do: Do, times: int | None, after: int) -> int:
        """Add a rule and return its id."""
        with self._lock:
            rule = Rule(next(self._ids), when, do, times, after)
            self._rules = [*self._rules, rule]
            return rule.id

    def remove(self, number: int | None = None) -> None:
        """Remove a rule, or (None) all rules."""
        with self._lock:
            self._rules = [rule for rule in self._rules if number is not None and rule.id != number]

    def all(self) -> list[dict[str, Any]]:
        """Return the rules as JSON values."""
        with self._lock:
            return [rule.to_json() for rule in self._rules]

    def due(self, matches: Callable[[When], bool]) -> Do | None:
        """Return the fault of the first rule whose events match, or None, and count the event."""
        with self._lock:
            for rule in self._rules:
                if rule.times == 0 or not matches(rule.when):
                    continue
                if rule.after:
                    rule.after -= 1
                    continue
                rule.hits += 1
                if rule.times is not None:
                    rule.times -= 1
                return rule.do
        return None
