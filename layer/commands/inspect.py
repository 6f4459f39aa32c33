"""`python -m layer inspect`: check whether zips can be published."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from .. import matrix
from ..building import docker

if TYPE_CHECKING:
    from ..checks.inspection import Inspection
    from ..checks.trial import Trial


@click.command()
@click.argument("zips", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--as", "name", help="The layer name to check for, such as rdspool-python3.13-arm64. Default: the name of each zip.")
@click.option(
    "--run", is_flag=True, help="Also run each zip in a Lambda environment on this machine, with a function that connects to a database."
)
@click.option(
    "--interpreter",
    "given",
    type=click.Path(path_type=Path, exists=True),
    help="The CPython that compiles the sources again. Default: that of this machine, if it has one.",
)
@click.option("--base", help="A base image, with its digest: its CPython compiles the sources again, with Docker.")
@click.option("--emulate", is_flag=True, help="Also run zips for another architecture, with QEMU (slow). Implies --run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line for each zip.")
def inspect(
    zips: tuple[Path, ...], name: str | None, run: bool, emulate: bool, given: Path | None, base: str | None, as_json: bool
) -> None:
    """Check zips: exactly the files that the wheels and this tree give, sizes, form, architecture, glibc symbols, shadowed packages.

    The sources are compiled again and compared with the bytecode in the zip. Two patch releases of CPython can compile differently: give
    the one that the manifest names with --interpreter, or its image with --base.

    With --run, each zip for this machine's architecture is also attached to a function in a local Lambda environment. The function
    connects to a local database server through an RDS endpoint. With --emulate, QEMU runs the others, without a Lambda environment, where
    Debian has their Python. The exit status is 0 when all zips can be published, 1 otherwise.
    """
    from ..checks import inspection

    with docker.compiler(base, given) as compiler:
        inspected = [inspection.inspect(path, matrix.parse(name or path.name), compiler) for path in zips]
    trials = _trials(inspected, emulate) if run or emulate else None
    if as_json:
        for number, each in enumerate(inspected):
            click.echo(json.dumps(_record(each, trials[number] if trials else None)))
    else:
        _print(inspected, trials)
    if any(each.faults for each in inspected) or any(trial.faults for trial in trials or ()):
        sys.exit(1)


def _trials(inspected: list[Inspection], emulate: bool) -> list[Trial]:
    from ..checks import trial

    made: list[Trial] = []
    with Console(stderr=True).status("starting a database server and its RDS endpoint") as status:
        for each in trial.run([(each.contents.path, each.contents.target) for each in inspected], emulate=emulate):
            made.append(each)
            status.update(f"{len(made)} of {len(inspected)} run")
    return made


def _record(each: Inspection, trial: Trial | None) -> dict[str, object]:
    contents = each.contents
    return {
        "zip": str(contents.path),
        "layer": contents.target.name,
        "fit": not each.faults and not (trial and trial.faults),
        "zipped_bytes": len(contents.zipped),
        "unzipped_bytes": contents.unzipped_bytes,
        "findings": [asdict(finding) for finding in each.findings],
        **({"run": _run_record(trial)} if trial else {}),
    }


def _run_record(trial: Trial) -> dict[str, object]:
    figures = {name: getattr(trial, name) for name in ("sign_in", "tls", "init_ms", "first_ms", "warm_ms")}
    return {"passed": trial.passed, "faults": list(trial.faults), "missing": trial.missing, "emulated": trial.emulated, **figures}


def _print(inspected: list[Inspection], trials: list[Trial] | None) -> None:
    table = Table(Column("layer", no_wrap=True), "", "MB zipped", "MB unzipped", "files", "faults", "notes")
    if trials:
        table.add_column("ms to init, first, warm")
    for number, each in enumerate(inspected):
        contents, budget = each.contents, each.contents.target.budget
        sizes = (_of(len(contents.zipped), budget.zipped), _of(contents.unzipped_bytes, budget.unzipped))
        counts = (len(contents.files), len(each.faults), len(each.findings) - len(each.faults))
        trial = trials[number] if trials else None
        refused = each.faults or (trial and trial.faults)
        verdict = Text("refused", "red") if refused else Text("fit", "green")
        table.add_row(contents.target.name, verdict, *sizes, *map(str, counts), *([_ran(trial)] if trial else []))
    Console().print(table)
    console = Console(soft_wrap=True)
    for each in inspected:
        for finding in each.findings:
            kind = Text("note ", "yellow") if finding.note else Text("fault", "red")
            console.print(kind, Text(f"{each.contents.path.name}: {finding.check}: {finding.path} {finding.message}"))
    for trial in trials or ():
        for fault in trial.faults:
            console.print(Text("fault", "red"), Text(f"{trial.path.name}: run: {fault}"))
        if trial.missing:
            console.print(Text("note ", "yellow"), Text(f"{trial.path.name}: run: {trial.missing}"))


def _ran(trial: Trial) -> Text:
    if trial.missing:
        return Text("not run", "yellow")
    if trial.faults:
        return Text("failed", "red")
    if trial.emulated:
        return Text("with QEMU", "green")
    return Text(", ".join(f"{ms:.0f}" for ms in (trial.init_ms, trial.first_ms, trial.warm_ms) if ms is not None), "green")


def _of(size: int, limit: int) -> str:
    return f"{size / 1e6:.1f} of {limit / 1e6:g}"
