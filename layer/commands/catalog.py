"""`python -m layer catalog`: writes the tables of ARNs."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from .. import matrix
from ..errors import LayerError
from .selection import aws_options, chosen_targets, open_accounts, region_names, regions_of, targets_options


@click.command()
@partial(aws_options, required=False)
@targets_options
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A report of `publish --yes --report`, in place of the accounts.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=matrix.PROJECT / "dist" / "catalogue",
    help="Folder. Default: dist/catalogue.",
)
def catalog(
    stage_name: str | None,
    regions: str | None,
    accounts: tuple[str, ...],
    timeout: float,
    parallel: int,
    pythons: tuple[str, ...],
    architectures: tuple[str, ...],
    source: Path | None,
    output: Path,
) -> None:
    """Write the catalogue: layers.md, layers.json, layers.csv and index.html.

    It has what the SSM parameters `latest` point to in the accounts (--stage, --regions), or what a report says (--from).

    The exit status is 1 when a region could not be read (the files are written without it) or there is nothing to write.
    """
    from ..publishing import catalogue, page, stages, survey
    from ..publishing.report import replace

    console = Console(stderr=True)
    whole = True
    targets = chosen_targets(pythons, architectures)
    if source:
        if stage_name or regions or accounts:
            raise LayerError("--from is in place of --stage, --regions and --account: give it alone")
        named = {(target.python, target.architecture) for target in targets}
        rows = [row for row in catalogue.from_report(source) if (row.python, row.architecture) in named]
    elif stage_name and regions:
        names, optional = region_names(regions)
        stage = stages.stage(stage_name)
        opened = open_accounts(accounts, timeout, console)
        found = survey.survey(regions_of(opened, names), stage, targets, optional=optional, parallel=parallel, console=console)
        whole = found.tell(console)
        rows = catalogue.from_entries(found.entries, stage)
    else:
        raise LayerError("give --stage and --regions to read the accounts, or --from with a report")
    if not rows:
        raise LayerError("nothing is published there, so there is no catalogue: `python -m layer list` shows what is")
    for name, text in (
        ("layers.md", catalogue.as_markdown(rows)),
        ("layers.json", catalogue.as_json(rows)),
        ("layers.csv", catalogue.as_csv(rows)),
        ("index.html", page.as_html(rows)),
    ):
        replace(output / name, text)
        click.echo(output / name)
    if not whole:
        sys.exit(1)
