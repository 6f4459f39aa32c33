"""One step of the doctor: what it is called, what it needs, and what it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from ..errors import printable
from .patient import Patient

OK: Final = "ok"
WARNING: Final = "warning"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"


@dataclass
class Finding:
    """What a step found. The texts and values hold no secret, for they are printed and logged."""

    outcome: str
    found: str
    """What is so, in one sentence."""
    facts: dict[str, Any] = field(default_factory=dict)
    """The values behind it, of JSON's types."""
    cause: str | None = None
    """Why it probably is so, where something is wrong."""
    fix: list[str] = field(default_factory=list)
    """What to do, one action per text: a command, a statement, a document or a sentence."""

    def __post_init__(self) -> None:
        self.found = printable(self.found)
        self.cause = None if self.cause is None else printable(self.cause)


def ok(found: str, **facts: Any) -> Finding:
    """Return the finding of a step in which nothing is wrong."""
    return Finding(OK, found, facts)


def skipped(reason: str) -> Finding:
    """Return the finding of a step that had nothing to look at."""
    return Finding(SKIPPED, reason)


@dataclass(frozen=True)
class Step:
    """A step: `look` runs where each of the steps in `needs` was ok or had a warning only."""

    name: str
    look: Callable[[Patient], Finding]
    needs: tuple[str, ...] = ()


@dataclass
class Result:
    """What became of a step."""

    step: str
    seconds: float
    finding: Finding

    @property
    def outcome(self) -> str:
        """One of OK, WARNING, FAILED and SKIPPED."""
        return self.finding.outcome

    def as_json(self) -> dict[str, Any]:
        """Return the result as values of JSON's types."""
        found = self.finding
        return {
            "step": self.step,
            "outcome": found.outcome,
            "seconds": round(self.seconds, 4),
            "found": found.found,
            "facts": found.facts,
            "cause": found.cause,
            "fix": found.fix,
        }
