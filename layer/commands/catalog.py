"""`python -m layer catalog`: write the tables of layer ARNs."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from .. import matrix
from ..errors import LayerError
from .selection import Selection, selection_options


@click.command()
@partial(selection_options, required=False)
@click.option(
    "--from",
    "sources",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A report of `publish --yes --report`, instead of reading the accounts; may be repeated, such as for one per partition of AWS.",
)
@click.option("--site", metavar="URL", help="The project's repository, for links to its releases and its policy.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=matrix.PROJECT / "dist" / "catalogue",
    help="Folder. Default: dist/catalogue.",
)
def catalog(
    selection: Selection,
    sources: tuple[Path, ...],
    site: str | None,
    output: Path,
) -> None:
    """Write the catalogue: layers.md, layers.json, layers.csv, index.html and feed.atom.

    The catalogue has the versions that the SSM parameters `latest` name in the accounts (--stage, --regions), or those of reports (--from).
    The feed has an entry per release: in the accounts those that have an SSM parameter, too.

    The hashes are those that Lambda reports for the zips. The exit status is 1 when a region could not be read (the files are written
    without it), a version has another zip than its description says, or nothing is published.
    """
    from ..publishing import catalogue, feed, page
    from ..publishing.report import write_text

    console = Console(stderr=True)
    complete, published = True, set[feed.Published]()
    if sources:
        if selection.stage_name or selection.regions or selection.accounts:
            raise LayerError("--from can't be combined with --stage, --regions and --account: give it alone")
        named = {(target.python, target.architecture) for target in selection.targets()}
        rows = [row for row in catalogue.from_reports(sources) if (row.python, row.architecture) in named]
    elif selection.stage_name and selection.regions:
        found = selection.survey(console)
        complete = found.print_unread(console)
        for sentence in catalogue.misdescribed(found.entries):
            complete = False
            console.print(f"[red]misdescribed[/] {escape(sentence)}", highlight=False, soft_wrap=True)
        rows, published = catalogue.from_entries(found.entries, selection.stage()), feed.from_entries(found.entries)
    else:
        raise LayerError("give --stage and --regions to read the accounts, or --from with a report")
    if not rows:
        raise LayerError("nothing is published there, so there is no catalogue: `python -m layer list` shows the published versions")
    for name, text in (
        ("layers.md", catalogue.as_markdown(rows)),
        ("layers.json", catalogue.as_json(rows)),
        ("layers.csv", catalogue.as_csv(rows)),
        ("index.html", page.as_html(rows, site)),
        (feed.NAME, feed.as_atom(published | feed.from_rows(rows), rows[0].parameter.split("/")[1], site)),
    ):
        write_text(output / name, text)
        click.echo(output / name)
    if not complete:
        sys.exit(1)
