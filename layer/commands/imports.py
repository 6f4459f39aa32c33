"""`python -m layer imports`: measure what each transform of the archives saves."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Column, Table

from local.cache import cache_dir

from .. import matrix
from ..building import interpreter
from ..building.imports.transforms import TRANSFORMS

LEAST = 2.0
"""In milliseconds. A transform that saves less does not stay."""


@click.command(name="imports")
@click.option("--python", default=None, help="The Python of the layer. Default: the one that build.sh takes.")
@click.option("--rounds", default=21, show_default=True, help="Processes per transform, at least 2. They run in turns.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object: milliseconds by transform.")
def imports_command(python: str | None, rounds: int, as_json: bool) -> None:
    """Show what each transform saves of the CPU of `get_engine()` in a fresh process: without it, minus with all."""
    from ..building.imports.savings import savings

    target = matrix.target(python or interpreter.preferred(), matrix.of_machine(os.uname().machine))
    console = Console(stderr=True)
    with console.status("") as status, tempfile.TemporaryDirectory() as folder:
        found = savings(target, interpreter.find(target.python, status.update), cache_dir(), Path(folder), rounds, status.update)
    if as_json:
        click.echo(json.dumps(found.by_transform | {"all": found.all, "plain": found.plain}))
        return
    table = Table("transform", Column("ms saved", justify="right"), Column("ms in the list", justify="right"), "")
    for transform in TRANSFORMS:
        saved = found.by_transform[transform.name]
        table.add_row(transform.name, f"{saved:.1f}", f"{transform.saves:g}", "" if saved >= LEAST else "saves too little to stay")
    Console().print(table)
    click.echo(
        f"Python {target.python}: {found.all:.1f} ms with all transforms, {found.plain:.1f} ms with none, lower quartiles of {rounds}"
    )
