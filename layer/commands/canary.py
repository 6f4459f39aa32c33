"""`python -m layer canary`: try published versions in AWS, before others get them."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from .. import matrix
from ..errors import LayerError


@click.command()
@click.option(
    "--from",
    "sources",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A report of `publish --yes --report`: its versions are tried; may be repeated.",
)
@click.option("--region", required=True, help="The region in which to try them.")
@click.option("--role", required=True, metavar="ARN", help="The role that the functions run as.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="A variable of the functions; may be repeated.")
@click.option("--subnet", "subnets", multiple=True, metavar="ID", help="A subnet of the functions; may be repeated.")
@click.option("--security-group", "groups", multiple=True, metavar="ID", help="A security group of the functions; may be repeated.")
@click.option("--account", metavar="PROFILE|ROLE-ARN", help="The credentials to use. Default: those that boto3 finds.")
@click.option("--timeout", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds to wait for an answer of the region.")
def canary(
    sources: tuple[Path, ...],
    region: str,
    role: str,
    assignments: tuple[str, ...],
    subnets: tuple[str, ...],
    groups: tuple[str, ...],
    account: str | None,
    timeout: float,
) -> None:
    """Create a function with each published version, call it twice, and delete it.

    The function makes an engine with get_engine() and runs a query. rdspool's settings are given with --set, as in
    `--set RDSPOOL_HOST=... --set RDSPOOL_USER=...`. Without a host, there is no database: the connect must fail because the name does not
    exist, which shows that the layer imports, makes its engine, and says what is wrong.

    The exit status is 1 when a version fails, or the reports have none in this region.
    """
    from ..publishing import canary, catalogue
    from ..publishing.account import open_account

    console = Console(stderr=True)
    pairs = [assignment.partition("=") for assignment in assignments]
    if wrong := next((name for name, sign, _ in pairs if not name or not sign), None):
        raise LayerError(f"--set {wrong} is not NAME=VALUE")
    setup = canary.Setup(role, {name: value for name, _, value in pairs}, subnets, groups)
    rows = [row for row in catalogue.from_reports(sources) if row.region == region]
    if not rows:
        raise LayerError(f"the reports have no version in {region}: name a region that they have with --region")
    where = open_account(account, timeout, matrix.partition_of(region)).region(region)
    failed = False
    for row in rows:
        with console.status(f"trying {row.arn}"):
            try:
                faults = canary.run(where, row, setup)
            except LayerError as error:
                faults = [str(error)]
        failed = failed or bool(faults)
        click.echo(f"{'failed' if faults else 'passed'}\t{row.arn}")
        for fault in faults:
            console.print(f"[red]failed[/] {row.arn}: {escape(fault)}", highlight=False, soft_wrap=True)
    if failed:
        sys.exit(1)
