"""`python -m layer list`: list the published versions, who may use them, and the SSM parameters that name them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .selection import Selection, selection_options

if TYPE_CHECKING:
    from ..publishing.inventory import Entry


@click.command(name="list")
@selection_options
@click.option("--latest", is_flag=True, help="Only the versions that a parameter `latest` names.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line for each version.")
def list_command(
    selection: Selection,
    latest: bool,
    as_json: bool,
) -> None:
    """List the published versions of the layers: release, who may use it, and the SSM parameters that name it.

    The exit status is 1 when a region could not be read. The other regions are listed.
    """
    from ..publishing.report import uneven

    console = Console(stderr=True)
    found = selection.survey(console)
    entries = [entry for entry in found.entries if entry.is_latest or not latest]
    _print(entries, as_json)
    pointed = (
        (entry.region.account.id, entry.layer, entry.listed.version, entry.region.name) for entry in found.entries if entry.is_latest
    )
    for sentence in uneven(pointed):
        console.print(f"[yellow]version numbers differ[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    if not found.print_unread(console):
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
    """Return the facts about a version, ready for JSON."""
    return {
        "account": entry.region.account.id,
        "region": entry.region.name,
        "layer": entry.layer,
        "version": entry.listed.version,
        "arn": entry.listed.arn,
        "release": entry.listed.release,
        "code_sha256": entry.code_sha256 or None,
        "created": entry.listed.created,
        "shared_with": [str(grant) for grant in sorted(entry.policy.granted())],
        "parameters": list(entry.parameters),
    }
