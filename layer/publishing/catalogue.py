"""The catalogue: the ARN to attach for each region, Python and architecture, as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from .. import documents, matrix
from ..documents import Document
from ..errors import LayerError
from . import outcome, stages
from .inventory import Entry
from .report import FORMAT


@dataclass(frozen=True, order=True)
class Row:
    """The current version of one layer in one region. Functions of the region's `partition` can use it, and no others.

    `created` is the time of its publication there, in the form of ISO 8601.
    """

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
    created: str


COLUMNS = tuple(Row.__dataclass_fields__)
_NOT_IN_REPORTS = ("parameter", "partition", "version")  # the last one is there, as a number


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
            entry.code_sha256,
            stage.parameter(entry.target, "latest"),
            entry.region.account.id,
            entry.listed.created,
        )
        for entry in entries
        if entry.is_latest and entry.code_sha256
    )


def misdescribed(entries: Iterable[Entry]) -> list[str]:
    """Return a sentence for each version whose description names another hash than Lambda reports for its zip."""
    return [
        f"{entry.listed.arn} is described with the sha256 {entry.listed.hash}, Lambda reports {entry.code_sha256}: "
        "this tool did not publish it like that. Compare it by `python -m layer verify` before anybody uses it"
        for entry in entries
        if entry.code_sha256 and entry.listed.hash not in (None, entry.code_sha256)
    ]


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
        report = documents.read(path, "give a report of `python -m layer publish --yes --report`")
    except FileNotFoundError as error:
        raise LayerError(f"{path} can't be read: {error.strerror}") from error
    if report.content.get("format") != FORMAT or not report.content.get("applied"):
        raise LayerError(f"{path} is not a report of `python -m layer publish --yes --report`")
    for number in range(len(report.objects("layers"))):
        if report.text("layers", number, "status") not in outcome.DONE:
            continue
        try:
            row = _row(report, number)
        except (LayerError, KeyError, ValueError) as error:
            raise LayerError(f"{path}: layers.{number} can't be used: {error}") from error
        if row:
            yield row


def _row(report: Document, number: int) -> Row | None:
    text = {name: report.text("layers", number, name) for name in ("stage", "layer", *COLUMNS) if name not in _NOT_IN_REPORTS}
    target, stage = matrix.target(text["python"], text["architecture"]), stages.stage(text.pop("stage"))
    # A report of an earlier release may also have layers of another kind for the same Python.
    if text.pop("layer") != stage.layer(target):
        return None
    datetime.fromisoformat(text["created"])
    parameter, partition = stage.parameter(target, "latest"), stages.parse_arn(text["arn"]).partition
    return Row(parameter=parameter, partition=partition, version=report.number("layers", number, "version"), **text)


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
