"""`python -m layer prune`: delete old versions that nothing known uses."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from .. import matrix
from .selection import Selection, selection_options

if TYPE_CHECKING:
    from ..publishing.pruning import Decision

_KEEP = 3


@click.command()
@selection_options
@click.option(
    "--keep",
    type=click.IntRange(1),
    default=_KEEP,
    show_default=True,
    help="How many of the newest versions to keep, per layer and region.",
)
@click.option("--retire", is_flag=True, help="Also delete versions that only the parameter of their own release names, and that parameter.")
@click.option("--shared", is_flag=True, help="Also delete versions that other accounts may use, and that were replaced long ago (--days).")
@click.option(
    "--days",
    type=click.IntRange(0),
    default=matrix.section("policy")["shared_days"],
    show_default=True,
    help="With --shared: how many days a version stays after the next one was published.",
)
@click.option("--yes", is_flag=True, help="Delete them. Without this, they are only listed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line for each version.")
def prune(
    selection: Selection,
    keep: int,
    retire: bool,
    shared: bool,
    days: int,
    yes: bool,
    as_json: bool,
) -> None:
    """Delete old versions of the selected layers in the selected regions.

    It never deletes the newest versions (--keep), a version that a function of the account uses (including published versions of
    functions), a version that an SSM parameter names (but see --retire), and a shared version (but see --shared), because the functions of
    other accounts are not visible. A function keeps a deleted version, but no function can be configured to use it any more. Lambda never reuses the number of a deleted version.

    The exit status is 1 when a region could not be read (nothing is deleted there) or a version could not be deleted.
    """
    from ..publishing import pruning
    from ..publishing.errors import AwsError

    console = Console(stderr=True)
    found = selection.survey(console, with_users=True)
    replaced_before = datetime.now(UTC) - timedelta(days=days) if shared else None
    decisions = [
        decision
        for entries in found.layers()
        for decision in pruning.decide(entries, found.users[entries[0].region], last=keep, retire=retire, shared=replaced_before)
    ]
    complete = found.print_unread(console)
    for decision in decisions:
        failure = None
        if yes and decision.keep is None:
            try:
                pruning.remove(decision)
            except AwsError as error:
                failure, complete = str(error), False
        _print(decision, yes, failure, as_json, console)
    if not yes:
        console.print("nothing was deleted: give --yes to delete")
    if not complete:
        sys.exit(1)


def _print(decision: Decision, done: bool, failure: str | None, as_json: bool, console: Console) -> None:
    arn, release = decision.entry.listed.arn, decision.entry.listed.release
    status = "keep" if decision.keep else "failed" if failure else "removed" if done else "to remove"
    if as_json:
        values = {
            "arn": arn,
            "release": release,
            "status": status,
            "why": decision.keep,
            "parameters": decision.unpoint,
            "problem": failure,
        }
        click.echo(json.dumps(values))
    else:
        click.echo("\t".join([status, arn, release or "-", decision.keep or ", ".join(decision.unpoint)]).rstrip())
    if failure:
        console.print(f"[red]failed[/] {arn}: {escape(failure)}", highlight=False, soft_wrap=True)
