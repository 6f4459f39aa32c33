"""The report of a publication: its rows, their summary, and the file that it is written to."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import matrix
from ..assemble import replace
from ..errors import LayerError
from . import outcome
from .account import Account
from .outcome import Outcome

FORMAT = 1


@dataclass
class Report:
    """What was planned, or done if `applied`. `dirty`: the tree had changes that are not committed."""

    stage: str
    release: str
    accounts: list[Account]
    applied: bool = False
    dirty: bool = False
    rows: list[Outcome] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether no row has failed."""
        return all(row.status != outcome.FAILED for row in self.rows)

    def arns(self) -> list[str]:
        """Return the ARNs of the versions that were verified after the last change."""
        return [row.arn for row in self.rows if row.status in outcome.DONE and row.arn]

    def levels(self) -> list[str]:
        """Return a sentence for each layer of an account whose version number differs between regions."""
        return uneven((row.account, row.layer, row.version, row.region) for row in self.rows if row.version)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "product": matrix.product(),
            "stage": self.stage,
            "release": self.release,
            "applied": self.applied,
            "dirty": self.dirty,
            "ok": self.ok,
            "accounts": [{"label": account.label, "id": account.id, "arn": account.arn} for account in self.accounts],
            "counts": self.counts(),
            "levels": self.levels(),
            "layers": [row.to_json() for row in self.rows],
        }

    def counts(self) -> dict[str, int]:
        """Return the number of rows by status."""
        counts: dict[str, int] = defaultdict(int)
        for row in self.rows:
            counts[row.status] += 1
        return dict(counts)


class ReportFile:
    """A report on disk. It is rewritten after each row, so it is complete even if the process is killed."""

    def __init__(self, path: Path | None, report: Report) -> None:
        self._path = path
        self._report = report
        self._lock = threading.Lock()

    def add(self, row: Outcome) -> None:
        """Add a row and write the file. Raise LayerError when it can't be written."""
        with self._lock:
            self._report.rows.append(row)
            self._write()

    def finish(self, rows: list[Outcome]) -> None:
        """Replace the rows by the final ones, in order, and write the file. Raise LayerError when it can't be written."""
        with self._lock:
            self._report.rows = rows
            self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        text = json.dumps(self._report.to_json(), indent=2) + "\n"
        write_text(self._path, text)


def write_text(path: Path, text: str) -> None:
    """Write a file atomically, and create its folder if needed. Raise LayerError when it can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, text.encode())
    except OSError as error:
        raise LayerError(f"{path} can't be written: {error.strerror}; name another file") from error


def uneven(versions: Iterable[tuple[str, str, int, str]]) -> list[str]:
    """Return a sentence for each account and layer whose version number differs between regions.

    `versions` are tuples of account, layer, version number and region.
    """
    regions: dict[tuple[str, str], dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for account, layer, version, region in versions:
        regions[account, layer][version].append(region)
    sentences = []
    for (account, layer), numbers in sorted(regions.items()):
        if len(numbers) > 1:
            parts = (f"version {number} in {', '.join(sorted(numbers[number]))}" for number in sorted(numbers))
            sentences.append(f"{layer} in {account}: {'; '.join(parts)}")
    return sentences
