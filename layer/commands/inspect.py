"""`python -m layer inspect`: tells whether a zip is fit to be published."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from layer import matrix

if TYPE_CHECKING:
    from layer.inspection import Inspection


@click.command()
@click.argument("zips", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--as", "name", help="What the zips are, such as rdspool-python3.13-arm64. Default: what their names say.")
@click.option("--json", "as_json", is_flag=True, help="Print one object a line for each zip.")
def inspect(zips: tuple[Path, ...], name: str | None, as_json: bool) -> None:
    """Check zips: architecture, glibc and OpenSSL symbols, bytecode, shadowed packages, modes, paths, sizes, versions.

    The exit status is 0 when all are fit, 1 otherwise.
    """
    from layer import inspection

    inspected = [inspection.inspect(path, matrix.parse(name or path.name)) for path in zips]
    if as_json:
        for each in inspected:
            click.echo(json.dumps(_record(each)))
    else:
        _print(inspected)
    if any(each.faults for each in inspected):
        sys.exit(1)


def _record(each: Inspection) -> dict[str, object]:
    contents = each.contents
    return {
        "zip": str(contents.path),
        "layer": contents.target.name,
        "fit": not each.faults,
        "zipped_bytes": len(contents.zipped),
        "unzipped_bytes": contents.unzipped_bytes,
        "findings": [asdict(finding) for finding in each.findings],
    }


def _print(inspected: list[Inspection]) -> None:
    table = Table("layer", "", "MB zipped", "MB unzipped", "files", "faults", "notes")
    for each in inspected:
        contents, budget = each.contents, each.contents.target.budget
        sizes = (_of(len(contents.zipped), budget.zipped), _of(contents.unzipped_bytes, budget.unzipped))
        counts = (len(contents.files), len(each.faults), len(each.findings) - len(each.faults))
        verdict = Text("refused", "red") if each.faults else Text("fit", "green")
        table.add_row(contents.target.name, verdict, *sizes, *map(str, counts))
    Console().print(table)
    console = Console(soft_wrap=True)
    for each in inspected:
        for finding in each.findings:
            kind = Text("note ", "yellow") if finding.note else Text("fault", "red")
            console.print(kind, Text(f"{each.contents.path.name}: {finding.check}: {finding.path} {finding.message}"))


def _of(size: int, limit: int) -> str:
    return f"{size / 1e6:.1f} of {limit / 1e6:g}"
