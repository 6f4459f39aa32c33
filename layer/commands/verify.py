"""`python -m layer verify`: says whether a zip is what this tree builds."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from layer import interpreter, matrix
from layer.verification import Verdict, verify
from local.cache import cache_dir

_STATUS = {Verdict.SAME: 0, Verdict.REPACKED: 0, Verdict.OTHER_INTERPRETER: 2, Verdict.DIFFERENT: 1}
_SHOWN = 20


@click.command(name="verify")
@click.argument("path", metavar="ZIP", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--as", "name", help="What the zip is, such as rdspool-python3.13-arm64. Default: what its name says.")
@click.option(
    "--interpreter", "given", type=click.Path(path_type=Path, exists=True), help="Makes the bytecode; searched for when left out."
)
def verify_command(path: Path, name: str | None, given: Path | None) -> None:
    """Build the layer again and compare it with ZIP.

    The exit status is 0 when they hold the same, 1 when they differ, and 2 when they differ in the bytecode alone and the
    manifest beside ZIP names another patch release of CPython: that one is needed to tell.
    """
    target = matrix.parse(name or path.name)
    manifest = path.with_suffix(".json")
    theirs = json.loads(manifest.read_text())["bytecode"]["interpreter"] if manifest.is_file() else None
    with Console(stderr=True).status("") as status:
        found = given or interpreter.find(target.python, status.update)
        result = verify(path, target, found, cache_dir(), theirs, status.update)
    click.echo(f"{path}: {result.verdict.value}")
    if result.verdict is Verdict.OTHER_INTERPRETER:
        click.echo(f"  made by {result.theirs}, here is {result.ours}: give the former with --interpreter")
    elif result.verdict is Verdict.DIFFERENT:
        for number, (file, how) in enumerate(result.differences.items()):
            if number == _SHOWN:
                click.echo(f"  and {len(result.differences) - _SHOWN} more")
                break
            click.echo(f"  {file} {how}")
        if not result.theirs:
            click.echo(f"  no manifest says which interpreter made its bytecode; here is {result.ours}")
    sys.exit(_STATUS[result.verdict])
