"""What became of one layer in one region: a row of the plan and of the report."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

# In the order of a table's legend. The first three are good, `disabled` is neither.
AS_WANTED = "as wanted"
PUBLISHED = "published"
COMPLETED = "completed"
TO_PUBLISH = "to publish"
TO_CHANGE = "to change"
DISABLED = "disabled"
FAILED = "failed"

DONE = frozenset({AS_WANTED, PUBLISHED, COMPLETED})
"""Read again and found right."""


@dataclass
class Outcome:
    """A row. `newest` says what the newest version was that the region had before. `version`, `arn` and `code_sha256` are what was read there last; `done` what this run changed, also before a failure."""

    account: str
    region: str
    layer: str
    release: str
    python: str
    architecture: str
    stage: str
    status: str = FAILED
    newest: str | None = None
    version: int | None = None
    arn: str | None = None
    code_sha256: str | None = None
    shared_with: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def fail(self, problem: str) -> None:
        """The row says so, whatever it said before."""
        self.status = FAILED
        self.problems.append(problem)
