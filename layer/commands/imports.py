"""`python -m layer imports`: measure what each transform of the archives saves."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Column, Table

from local.cache import cache_dir

from .. import matrix
from ..building import interpreter
from ..building.imports.savings import LEAST, LEAST_MEMORY, Unit, savings
from ..building.imports.transforms import TRANSFORMS


@click.command(name="imports")
@click.option("--python", default=None, help="The Python of the layer. Default: the one that build.sh takes.")
@click.option("--instructions", is_flag=True, help="Count instructions with valgrind, which a busy machine does not change.")
@click.option(
    "--rounds", default=None, type=click.IntRange(2), help="Processes per transform, in turns. Default: 21; 3 with --instructions."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def imports_command(python: str | None, instructions: bool, rounds: int | None, as_json: bool) -> None:
    """Show what each transform saves of `get_engine()` in a fresh process, in CPU and in resident memory: without it, minus with all."""
    target = matrix.target(python or interpreter.preferred(), matrix.of_machine(os.uname().machine))
    unit = Unit.INSTRUCTIONS if instructions else Unit.MS
    rounds = rounds or (3 if instructions else 21)
    console = Console(stderr=True)
    with console.status("") as status, tempfile.TemporaryDirectory() as folder:
        found = savings(target, interpreter.find(target.python, status.update), cache_dir(), Path(folder), unit, rounds, status.update)
    if as_json:
        click.echo(json.dumps({"unit": unit.value, **asdict(found)}))
        return
    columns = (f"{unit.value} saved", "MiB saved", "in the list")
    table = Table("transform", *(Column(name, justify="right") for name in columns), "")
    for transform in TRANSFORMS:
        saved = found.by_transform[transform.name]
        enough = saved.work >= LEAST[unit] or saved.memory >= LEAST_MEMORY
        listed = f"{transform.saves:g} ms" + (f", {transform.saves_memory:g} MiB" if transform.saves_memory else "")
        table.add_row(transform.name, f"{saved.work:.1f}", f"{saved.memory:.2f}", listed, "" if enough else "saves too little to stay")
    Console().print(table)
    costs = (
        f"{cost.work:.1f} {unit.value} and {cost.memory:.1f} MiB with {what}" for cost, what in ((found.all, "all"), (found.plain, "none"))
    )
    click.echo(f"Python {target.python}: {', '.join(costs)}")
