"""`python -m layer share`: grant published versions to accounts, organisations or everybody, or revoke the grants."""

from __future__ import annotations

import json
import sys

import click
from rich.console import Console
from rich.markup import escape

from ..errors import LayerError
from .selection import Selection, selection_options


@click.command()
@selection_options
@click.option("--release", help="The versions of this release, such as 0.1.0.")
@click.option("--version", "numbers", multiple=True, type=click.IntRange(1), help="The versions with this number; may be repeated.")
@click.option("--latest", is_flag=True, help="The versions that a parameter `latest` names.")
@click.option(
    "--add", "added", multiple=True, metavar="WHO", help="public, an account's id or an organisation's id (o-...); may be repeated."
)
@click.option("--remove", "removed", multiple=True, metavar="WHO", help="As for --add; may be repeated.")
@click.option("--yes", is_flag=True, help="Make the changes. Without this, they are only listed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line for each version.")
def share(
    selection: Selection,
    release: str | None,
    numbers: tuple[int, ...],
    latest: bool,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Share versions, or stop sharing them. Select them with --release (the same in every region), --version or --latest.

    Versions that already have the wanted grants are not changed. A function keeps its layer when the grant is revoked.

    The exit status is 1 when a region could not be read, a version could not be changed, or no version was found.
    """
    from ..publishing import sharing
    from ..publishing.errors import AwsError
    from ..publishing.grants import Grant

    if not (release or numbers or latest):
        raise LayerError("no versions are selected: give --release, --version or --latest")
    adding, removing = sorted(map(Grant.parse, added)), sorted(map(Grant.parse, removed))
    if (not adding and not removing) or set(adding) & set(removing):
        raise LayerError("no change is given: use --add or --remove, each with other grantees")
    console = Console(stderr=True)
    found = selection.survey(console)
    sharing.check(adding, [entry.region for entry in found.entries])
    complete = found.print_unread(console)
    chosen = [
        entry
        for entry in found.entries
        if release in (None, entry.listed.release) and (not numbers or entry.listed.version in numbers) and (entry.is_latest or not latest)
    ]
    for entry in chosen:
        granted, problem = entry.policy.granted(), None
        to_add = [grant for grant in adding if grant not in granted]
        to_remove = [grant for grant in removing if grant in granted]
        if yes:
            try:
                for grant in to_add:
                    sharing.add(entry.region, entry.layer, entry.listed.version, grant)
                for grant in to_remove:
                    sharing.remove(entry.region, entry.layer, entry.listed.version, grant)
                if to_add or to_remove:
                    granted = sharing.policy(entry.region, entry.layer, entry.listed.version).granted()
            except AwsError as error:
                problem, complete = str(error), False
        changes = [f"+{grant}" for grant in to_add] + [f"-{grant}" for grant in to_remove]
        status = "failed" if problem else "as asked" if not changes else "changed" if yes else "to change"
        if as_json:
            values = {"arn": entry.listed.arn, "status": status, "changes": changes, "shared_with": [str(one) for one in sorted(granted)]}
            click.echo(json.dumps(values | {"problem": problem}))
        else:
            click.echo("\t".join([status, entry.listed.arn, " ".join(changes) or "-", ",".join(map(str, sorted(granted))) or "-"]))
        if problem:
            console.print(f"[red]failed[/] {entry.listed.arn}: {escape(problem)}", highlight=False, soft_wrap=True)
    if not chosen:
        console.print("[red]no version was found[/]: `python -m layer list` shows the published versions")
    if not yes:
        console.print("nothing was changed: give --yes to make the changes")
    if not complete or not chosen:
        sys.exit(1)
