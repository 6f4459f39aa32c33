"""The catalogue: the ARN to attach for each region, Python and architecture, as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import matrix
from ..errors import LayerError
from . import outcome, stages
from .inventory import Entry
from .report import FORMAT


@dataclass(frozen=True, order=True)
class Row:
    """The current version of one layer in one region. Functions of the region's `partition` can use it, and no others."""

    region: str
    partition: str
    python: str
    architecture: str
    release: str
    version: int
    arn: str
    code_sha256: str
    parameter: str
    account: str


COLUMNS = tuple(Row.__dataclass_fields__)


def from_entries(entries: Iterable[Entry], stage: stages.Stage) -> list[Row]:
    """Return the rows of the versions that the `latest` parameters name. A layer without one is left out: its publication is incomplete."""
    return sorted(
        Row(
            entry.region.name,
            entry.region.account.partition,
            entry.target.python,
            entry.target.architecture,
            entry.listed.release or "",
            entry.listed.version,
            entry.listed.arn,
            entry.listed.hash or "",
            stage.parameter(entry.target, "latest"),
            entry.region.account.id,
        )
        for entry in entries
        if entry.is_latest
    )


def from_reports(paths: Iterable[Path]) -> list[Row]:
    """Return the rows of reports of `publish --yes` that were published and verified.

    Raise LayerError when a file is not such a report, or two have different versions of a layer.
    """
    found: dict[tuple[str, ...], Row] = {}
    for row in [row for path in paths for row in _from_report(path)]:
        key = (row.account, row.region, row.parameter)
        if found.setdefault(key, row) != row:
            raise LayerError(f"the reports have both {found[key].arn} and {row.arn}: give only the report of the last publication")
    return sorted(found.values())


def _from_report(path: Path) -> Iterator[Row]:
    try:
        report: dict[str, Any] = json.loads(path.read_text())
    except OSError as error:
        raise LayerError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise LayerError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(report, dict) or report.get("format") != FORMAT or not report.get("applied"):
        raise LayerError(f"{path} is not a report of `python -m layer publish --yes --report`")
    for made in report["layers"]:
        if made["status"] not in outcome.DONE:
            continue
        target, stage = matrix.target(made["python"], made["architecture"]), stages.stage(made["stage"])
        # A report of an earlier release may also have layers of another kind for the same Python.
        if made["layer"] == stage.layer(target):
            parameter, partition = stage.parameter(target, "latest"), stages.parse_arn(made["arn"]).partition
            read = {name: made[name] for name in COLUMNS if name not in ("parameter", "partition")}
            yield Row(parameter=parameter, partition=partition, **read)


def as_json(rows: Sequence[Row]) -> str:
    """Return the catalogue as JSON."""
    return json.dumps({"format": FORMAT, "product": matrix.product(), "layers": [asdict(row) for row in rows]}, indent=2) + "\n"


def as_csv(rows: Sequence[Row]) -> str:
    """Return the catalogue as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(asdict(row).values() for row in rows)
    return text.getvalue()


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the catalogue as Markdown: one table per Python and architecture, with a row per region."""
    parts = [f"# {matrix.product()}: layer ARNs\n"]
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in sorted(rows):
        groups.setdefault((row.python, row.architecture), []).append(row)
    for (python, architecture), members in sorted(groups.items()):
        lines = [f"## Python {python}, {architecture}\n", "| region | release | ARN |", "|---|---|---|"]
        lines += [f"| {row.region} | {row.release} | `{row.arn}` |" for row in members]
        parts.append("\n".join(lines) + f"\n\nIn templates of the same account: `{{{{resolve:ssm:{members[0].parameter}}}}}`\n")
    return "\n".join(parts)
