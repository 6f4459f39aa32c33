"""`python -m layer share`: lets accounts, organisations or everybody use versions that are published, or ends that."""

from __future__ import annotations

import json
import sys

import click
from rich.console import Console
from rich.markup import escape

from ..errors import LayerError
from .selection import aws_options, chosen_targets, open_accounts, region_names, regions_of, targets_options


@click.command()
@aws_options
@targets_options
@click.option("--release", help="The versions of this release, such as 0.1.0.")
@click.option("--version", "numbers", multiple=True, type=click.IntRange(1), help="The versions with this number; may be repeated.")
@click.option("--latest", is_flag=True, help="The versions that the parameter `latest` points to.")
@click.option("--add", "added", multiple=True, metavar="WHO", help="public, an account, or an organisation (o-...); may be repeated.")
@click.option("--remove", "removed", multiple=True, metavar="WHO", help="The same; may be repeated.")
@click.option("--yes", is_flag=True, help="Do it. Without this, what would be changed is only told.")
@click.option("--json", "as_json", is_flag=True, help="Print one object a line for each version.")
def share(
    stage_name: str,
    regions: str,
    accounts: tuple[str, ...],
    timeout: float,
    parallel: int,
    pythons: tuple[str, ...],
    architectures: tuple[str, ...],
    release: str | None,
    numbers: tuple[int, ...],
    latest: bool,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Share versions, or end it. Name them by --release (right in every region), by --version, or by --latest.

    What is as asked already is left alone. Functions that have a layer keep it when it is no longer shared with them.

    The exit status is 1 when a region could not be read, a version could not be changed, or none was found.
    """
    from ..publishing import sharing, stages, survey
    from ..publishing.errors import AwsError
    from ..publishing.grants import Grant

    if not (release or numbers or latest):
        raise LayerError("which versions? Give --release, --version or --latest")
    adding, removing = sorted(map(Grant.parse, added)), sorted(map(Grant.parse, removed))
    if (not adding and not removing) or set(adding) & set(removing):
        raise LayerError("what is to change? Give --add or --remove, and nobody to both")
    console = Console(stderr=True)
    names, optional = region_names(regions)
    found = survey.survey(
        regions_of(open_accounts(accounts, timeout, console), names),
        stages.stage(stage_name),
        chosen_targets(pythons, architectures),
        optional=optional,
        parallel=parallel,
        console=console,
    )
    whole = found.tell(console)
    chosen = [
        entry
        for entry in found.entries
        if release in (None, entry.listed.release) and (not numbers or entry.listed.version in numbers) and (entry.is_latest or not latest)
    ]
    for entry in chosen:
        held, problem = entry.policy.holders(), None
        to_add = [grant for grant in adding if grant not in held]
        to_remove = [grant for grant in removing if grant in held]
        if yes:
            try:
                for grant in to_add:
                    sharing.add(entry.region, entry.layer, entry.listed.version, grant)
                for grant in to_remove:
                    sharing.remove(entry.region, entry.layer, entry.listed.version, grant)
                if to_add or to_remove:
                    held = sharing.policy(entry.region, entry.layer, entry.listed.version).holders()
            except AwsError as error:
                problem, whole = str(error), False
        changes = [f"+{grant}" for grant in to_add] + [f"-{grant}" for grant in to_remove]
        status = "failed" if problem else "as asked" if not changes else "changed" if yes else "to change"
        if as_json:
            values = {"arn": entry.listed.arn, "status": status, "changes": changes, "shared_with": [str(one) for one in sorted(held)]}
            click.echo(json.dumps(values | {"problem": problem}))
        else:
            click.echo("\t".join([status, entry.listed.arn, " ".join(changes) or "-", ",".join(map(str, sorted(held))) or "-"]))
        if problem:
            console.print(f"[red]failed[/] {entry.listed.arn}: {escape(problem)}", highlight=False, soft_wrap=True)
    if not chosen:
        console.print("[red]no version was found[/]: `python -m layer list` has those that there are")
    if not yes:
        console.print("nothing was changed: --yes does it")
    if not whole or not chosen:
        sys.exit(1)
