"""`python -m layer rollback`: point the SSM parameters `latest` back to an earlier version."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from ..errors import LayerError
from .selection import Selection, selection_options

if TYPE_CHECKING:
    from ..publishing.rollback import Move


@click.command()
@selection_options
@click.option("--release", help="The release to point to, such as 0.1.0.")
@click.option("--version", "number", type=click.IntRange(1), help="The number of the version to point to.")
@click.option("--yes", is_flag=True, help="Make the changes. Without this, they are only listed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line for each layer and region.")
def rollback(selection: Selection, release: str | None, number: int | None, yes: bool, as_json: bool) -> None:
    """Point `latest` of the selected layers to the version of another release.

    It changes the SSM parameters `latest` and nothing else. Templates that resolve them take the version at their next deployment, and so
    does a catalogue that is read from the accounts. Functions keep the version that they have, because they name its ARN. All versions,
    their grants and the parameters of the releases stay as they are. The next `publish` sets `latest` to what it publishes.

    It refuses a version that does not exist, that has another zip than its description says, or that lacks a grant (such as public) of the
    version that `latest` names. The other layers and regions are changed all the same.

    The exit status is 1 when a region could not be read, a change was refused or failed, or no layer was found.
    """
    from ..publishing import rollback

    if not (release or number):
        raise LayerError("no version is named: give --release or --version; `python -m layer list` shows the published versions")
    console = Console(stderr=True)
    found = selection.survey(console)
    complete = found.print_unread(console)
    for entries in found.layers():
        move = rollback.plan(entries, selection.stage(), release, number)
        if yes and move.status == rollback.TO_CHANGE:
            try:
                rollback.apply(move)
            except LayerError as error:
                move.problem = str(error)
        complete = complete and not move.problem
        _print(move, as_json, console)
    if not found.entries:
        console.print("[red]no layer was found[/]: `python -m layer list` shows the published versions")
    if not yes:
        console.print("nothing was changed: give --yes to make the changes")
    if not complete or not found.entries:
        sys.exit(1)


def _print(move: Move, as_json: bool, console: Console) -> None:
    if as_json:
        values = {"account": move.region.account.id, "region": move.region.name, "layer": move.layer, "status": move.status}
        click.echo(json.dumps(values | {"parameter": move.parameter, "from": move.now, "to": move.to, "problem": move.problem}))
    else:
        click.echo("\t".join([move.status, move.region.account.id, move.region.name, move.parameter, move.now or "-", move.to or "-"]))
    if move.problem:
        console.print(f"[red]failed[/] {move.region} {move.layer}: {escape(move.problem)}", highlight=False, soft_wrap=True)
