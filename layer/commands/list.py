"""`python -m layer list`: tells which versions are published where, to whom, and what points to them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .selection import aws_options, chosen_targets, open_accounts, region_names, regions_of, targets_options

if TYPE_CHECKING:
    from ..publishing.inventory import Entry


@click.command(name="list")
@aws_options
@targets_options
@click.option("--latest", is_flag=True, help="Only the versions that the parameter `latest` points to.")
@click.option("--json", "as_json", is_flag=True, help="Print one object a line for each version.")
def list_command(
    stage_name: str,
    regions: str,
    accounts: tuple[str, ...],
    timeout: float,
    parallel: int,
    pythons: tuple[str, ...],
    architectures: tuple[str, ...],
    latest: bool,
    as_json: bool,
) -> None:
    """List what is published: each version of the layers, its release, who may use it, the parameters that point to it.

    The exit status is 1 when a region could not be read; the others are listed all the same.
    """
    from ..publishing import stages, survey
    from ..publishing.report import uneven

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
    )
    entries = [entry for entry in found.entries if entry.is_latest or not latest]
    _print(entries, as_json)
    pointed = (
        (entry.region.account.id, entry.layer, entry.listed.version, entry.region.name) for entry in found.entries if entry.is_latest
    )
    for sentence in uneven(pointed):
        console.print(f"[yellow]not level[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    if not found.tell(console):
        sys.exit(1)


def _print(entries: list[Entry], as_json: bool) -> None:
    if not as_json and sys.stdout.isatty():
        table = Table("account", "region", "layer", "version", "release", "shared with", "parameters", "created")
        for entry in entries:
            one = record(entry)
            shared, parameters = "\n".join(one["shared_with"]), "\n".join(one["parameters"])
            facts = (str(one["version"]), one["release"] or "-", shared, parameters, one["created"])
            table.add_row(one["account"], one["region"], one["layer"], *facts)
        Console().print(table)
        return
    for entry in entries:
        one = record(entry)
        if as_json:
            click.echo(json.dumps(one))
        else:
            click.echo(
                "\t".join([one["arn"], one["release"] or "-", ",".join(one["shared_with"]) or "-", ",".join(one["parameters"]) or "-"])
            )


def record(entry: Entry) -> dict[str, Any]:
    """Returns what is told of a version, ready for JSON."""
    return {
        "account": entry.region.account.id,
        "region": entry.region.name,
        "layer": entry.layer,
        "version": entry.listed.version,
        "arn": entry.listed.arn,
        "release": entry.listed.release,
        "code_sha256": entry.listed.hash,
        "created": entry.listed.created,
        "shared_with": [str(grant) for grant in sorted(entry.policy.holders())],
        "parameters": list(entry.parameters),
    }
