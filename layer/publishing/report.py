"""The report of a publication: rows, what they add up to, and the file that holds them."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import matrix
from ..errors import LayerError
from . import outcome
from .account import Account
from .outcome import Outcome

FORMAT = 1


@dataclass
class Report:
    """What was planned (`applied` is False) or done. `dirty`: published from a tree with changes that are not committed."""

    stage: str
    release: str
    accounts: list[Account]
    applied: bool = False
    dirty: bool = False
    rows: list[Outcome] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether each row is as it should be: read again and right where this was applied, readable where it was planned."""
        return all(row.status != outcome.FAILED for row in self.rows)

    def levels(self) -> list[str]:
        """Returns a sentence for each layer of an account whose version number is not the same in all regions."""
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
        """Returns how many rows have each status."""
        counts: dict[str, int] = defaultdict(int)
        for row in self.rows:
            counts[row.status] += 1
        return dict(counts)


class ReportFile:
    """A report on disk, whole after every row: also when the process is killed it says what had been done by then."""

    def __init__(self, path: Path | None, report: Report) -> None:
        self._path = path
        self._report = report
        self._lock = threading.Lock()

    def add(self, row: Outcome) -> None:
        with self._lock:
            self._report.rows.append(row)
            self._write()

    def finish(self, rows: list[Outcome]) -> None:
        """The rows in their order, and those that were not come to."""
        with self._lock:
            self._report.rows = rows
            self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        text = json.dumps(self._report.to_json(), indent=2) + "\n"
        replace(self._path, text)


def replace(path: Path, text: str) -> None:
    """Writes a file whole or not at all. Raises LayerError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(part).chmod(0o644)
        Path(part).replace(path)
    except OSError as error:
        raise LayerError(f"{path} can't be written: {error.strerror}; name another place") from error


def uneven(versions: Iterable[tuple[str, str, int, str]]) -> list[str]:
    """Returns a sentence for each (account, layer) whose version number is not the same in all regions."""
    regions: dict[tuple[str, str], dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for account, layer, version, region in versions:
        regions[account, layer][version].append(region)
    told = []
    for (account, layer), numbers in sorted(regions.items()):
        if len(numbers) > 1:
            parts = (f"version {number} in {', '.join(sorted(numbers[number]))}" for number in sorted(numbers))
            told.append(f"{layer} in {account}: {'; '.join(parts)}")
    return told
