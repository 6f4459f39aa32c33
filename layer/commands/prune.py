"""`python -m layer prune`: removes old versions that nothing in reach uses."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from .selection import aws_options, chosen_targets, open_accounts, region_names, regions_of, targets_options

if TYPE_CHECKING:
    from ..publishing.inventory import Entry
    from ..publishing.pruning import Decision

_KEEP = 3


@click.command()
@aws_options
@targets_options
@click.option("--keep", type=click.IntRange(1), default=_KEEP, show_default=True, help="The newest ones, per layer and region, that stay.")
@click.option("--retire", is_flag=True, help="Also versions to which only their own release's parameter points; it goes first.")
@click.option("--shared", is_flag=True, help="Also versions that others may use: what their functions have can't be seen.")
@click.option("--yes", is_flag=True, help="Remove them. Without this, they are only told.")
@click.option("--json", "as_json", is_flag=True, help="Print one object a line for each version.")
def prune(
    stage_name: str,
    regions: str,
    accounts: tuple[str, ...],
    timeout: float,
    parallel: int,
    pythons: tuple[str, ...],
    architectures: tuple[str, ...],
    keep: int,
    retire: bool,
    shared: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Remove old versions, of the layers chosen, in the regions named.

    Never removed: the newest ones (--keep), a version that a function of the account has (published versions of functions
    count), a version that an SSM parameter points to (but see --retire), and one that is shared (but see --shared). A function
    keeps a layer that is removed, but can't be changed any more without giving it up. A number that was removed never comes back.

    The exit status is 1 when a region could not be read (nothing is removed there) or a version could not be removed.
    """
    from ..publishing import pruning, stages, survey
    from ..publishing.errors import AwsError

    console = Console(stderr=True)
    names, optional = region_names(regions)
    opened = open_accounts(accounts, timeout, console)
    found = survey.survey(
        regions_of(opened, names),
        stages.stage(stage_name),
        chosen_targets(pythons, architectures),
        optional=optional,
        parallel=parallel,
        console=console,
        with_users=True,
    )
    groups: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in found.entries:
        groups.setdefault((entry.region.account.id, entry.region.name, entry.layer), []).append(entry)
    decisions = [
        decision
        for entries in groups.values()
        for decision in pruning.decide(entries, found.users[entries[0].region], last=keep, retire=retire, shared=shared)
    ]
    whole = found.tell(console)
    for decision in decisions:
        failure = None
        if yes and decision.keep is None:
            try:
                pruning.remove(decision)
            except AwsError as error:
                failure, whole = str(error), False
        _tell(decision, yes, failure, as_json, console)
    if not yes:
        console.print("nothing was removed: --yes does it")
    if not whole:
        sys.exit(1)


def _tell(decision: Decision, done: bool, failure: str | None, as_json: bool, console: Console) -> None:
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
