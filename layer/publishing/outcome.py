"""The outcome of one layer in one region: a row of the plan or of the report."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

# The first three are successes. DISABLED is neither a success nor a failure.
AS_WANTED = "as wanted"
PUBLISHED = "published"
COMPLETED = "completed"
TO_PUBLISH = "to publish"
TO_CHANGE = "to change"
DISABLED = "disabled"
FAILED = "failed"

DONE = frozenset({AS_WANTED, PUBLISHED, COMPLETED})
"""The statuses of layers that were verified after the last change."""


@dataclass
class Outcome:
    """A row of the plan or of the report.

    newest: the newest version in the region before this run. version, arn, code_sha256, created: the values that were last read from the region.
    steps: the planned changes. done: the changes of this run, also those before a failure.
    """

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
    created: str | None = None
    shared_with: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def fail(self, problem: str) -> None:
        """Set the status to FAILED and add the problem."""
        self.status = FAILED
        self.problems.append(problem)
