"""`python -m layer publish`: plan a publication, and with --yes execute it."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from .. import matrix
from ..errors import LayerError
from .selection import Selection, selection_options

if TYPE_CHECKING:
    from ..publishing.account import Region
    from ..publishing.artefact import Artefact
    from ..publishing.plan import Wanted
    from ..publishing.report import Report
    from ..publishing.stages import Stage

_COLOURS = {"as wanted": "green", "published": "green", "completed": "green", "failed": "red", "disabled": "dim"}


@click.command()
@partial(selection_options, required=False)
@click.option("--all", "everything", is_flag=True, help="Fail unless every layer is in --dist. Default: publish those that are there.")
@click.option("--yes", is_flag=True, help="Execute the plan. Without this, it is only shown.")
@click.option(
    "--share",
    "shares",
    multiple=True,
    metavar="WHO",
    help="public, an account's id, an organisation's id (o-...), or nobody; may be repeated.",
)
@click.option("--bucket", help="A bucket for zips over the direct limit. {region} and {account} are replaced.")
@click.option(
    "--direct-limit",
    type=click.IntRange(0),
    default=None,
    help="Maximum size of a direct upload to Lambda, in bytes. Default: that of layer/matrix.toml.",
)
@click.option(
    "--dist", type=click.Path(path_type=Path, file_okay=False), default=matrix.PROJECT / "dist", help="Folder of the zips. Default: dist."
)
@click.option("--replace", is_flag=True, help="prod: let the parameter of an existing release change to another zip.")
@click.option(
    "--dirty",
    is_flag=True,
    help="prod: publish even if the tree, or the tree that the zips were built from, has changes that are not committed.",
)
@click.option("--inspect/--no-inspect", "inspected", default=True, help="Inspect the zips first. Default: yes.")
@click.option("--report", "report_path", type=click.Path(path_type=Path, dir_okay=False), help="Write the report to this file, as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def publish(
    selection: Selection,
    everything: bool,
    yes: bool,
    shares: tuple[str, ...],
    bucket: str | None,
    direct_limit: int | None,
    dist: Path,
    replace: bool,
    dirty: bool,
    inspected: bool,
    report_path: Path | None,
    as_json: bool,
) -> None:
    """Publish the layers that are in --dist. Without --yes, only show the plan.

    Without --stage, it is prod; without --regions, it is the region of AWS's configuration. With --yes, the ARNs of the published versions
    go to stdout, one per line, and the report to stderr.

    A zip is published once per region, because its hash is looked up before each attempt. A run after an interrupted or partly failed
    run does only what is missing.

    Lambda assigns the version numbers: each publication gets the next number, and no number is reused. The numbers are the same in all
    regions as long as every region gets every release. Differences are not filled up with copies; plan and report show them. Use the
    ARNs of the report, the catalogue or the SSM parameters.

    A new version is read again and compared with the manifest (hash, architectures, runtimes, licence) before it is shared. Then the
    SSM parameters of the release and of `latest` are set to it. At the end everything is read again, including policy and parameters.

    The exit status is 0 when everything is as wanted (without --yes: when every region could be read), 1 after a failure, 2 for wrong options.
    """
    from ..publishing import publication
    from ..publishing.campaign import Campaign
    from ..publishing.report import Report, ReportFile

    console = Console(stderr=True)
    selection = selection.completed()
    stage = selection.stage()
    _, optional = selection.region_names()
    limit = matrix.section("publish")["direct_upload"] if direct_limit is None else direct_limit
    artefacts = _artefacts(stage, selection.targets(), dist, everything, inspected, console)
    changed = _changed(stage, artefacts, dirty, console)
    _check_limit(artefacts, limit, bucket)
    wanted = _wanted(artefacts, stage, shares, replace)
    opened = selection.open_accounts(console)
    every = selection.regions_of(opened)
    _check_grantees(wanted, every)
    campaign = Campaign(wanted, optional, selection.parallel, console)

    planned = Report(stage.name, artefacts[0].release, opened, dirty=changed)
    planned.rows = campaign.run(every, lambda region, each, _: publication.plan(region, each), "planning", lambda _: None, keep=False)
    if not yes:
        if as_json:
            click.echo(json.dumps(planned.to_json(), indent=2))
        else:
            _print(planned, Console(soft_wrap=not sys.stdout.isatty()), sys.stdout.isatty())
        if report_path:
            ReportFile(report_path, planned).finish(planned.rows)
        console.print("nothing was changed: give --yes to execute the plan")
        sys.exit(0 if planned.ok else 1)

    _print(planned, console, console.is_terminal)
    lost = _lost(planned)
    reached = [region for region in every if (region.account.id, region.name) not in lost]
    unreached = [row for row in planned.rows if (row.account, row.region) in lost]
    done = Report(stage.name, planned.release, opened, applied=True, dirty=changed, rows=list(unreached))
    file = ReportFile(report_path, done)
    options = publication.Options(limit, bucket)
    rows = campaign.run(
        reached, lambda region, each, stopped: publication.apply(region, each, options, stopped), "publishing", file.add, keep=True
    )
    order = {(region.account.id, region.name): number for number, region in enumerate(every)}
    file.finish(sorted([*rows, *unreached], key=lambda row: order[row.account, row.region]))
    if as_json:
        click.echo(json.dumps(done.to_json(), indent=2))
    else:
        _print(done, console, console.is_terminal)
        for arn in done.arns():
            click.echo(arn)
    if not done.ok:
        console.print("[red]not everything is as wanted[/]: run the same command again, it does only what is missing")
        sys.exit(1)


def _artefacts(
    stage: Stage, targets: list[matrix.Target], dist: Path, everything: bool, inspected: bool, console: Console
) -> list[Artefact]:
    from ..publishing import artefact, gate

    with console.status("reading the zips"):
        loaded = [artefact.load(target, dist) for target in (targets if everything else artefact.built(targets, dist))]
        gate.version(stage, loaded[0].release)
        if inspected:
            gate.fit(loaded)
    return loaded


def _changed(stage: Stage, artefacts: list[Artefact], dirty: bool, console: Console) -> bool:
    """Return whether --dirty is used for prod. Raise LayerError when it is not, and a zip for prod was not built from this commit alone."""
    from ..evidence.source import source
    from ..publishing import gate

    if stage.prerelease:
        return False
    if not dirty:
        tree = source()
        gate.committed(tree)
        for artefact in artefacts:
            gate.provenance(artefact, tree)
        return False
    console.print(
        "[bold white on red] --dirty [/] this publication to prod may have changes that are not in any commit; the report says so"
    )
    return True


def _check_limit(artefacts: list[Artefact], limit: int, bucket: str | None) -> None:
    from ..publishing.bucket import bucket_needed

    for artefact in artefacts:
        if len(artefact.zipped) > limit and not bucket:
            raise LayerError(bucket_needed(artefact, limit))


def _wanted(artefacts: list[Artefact], stage: Stage, shares: tuple[str, ...], replace: bool) -> list[Wanted]:
    from ..publishing.grants import Grant
    from ..publishing.plan import Wanted

    if "nobody" in shares and len(shares) > 1:
        raise LayerError("--share nobody can't be combined with other grantees")
    grants = frozenset(Grant.parse(text) for text in shares if text != "nobody") if shares else stage.share
    return [Wanted(artefact, stage, grants, immutable=not stage.prerelease and not replace) for artefact in artefacts]


def _check_grantees(wanted: list[Wanted], regions: list[Region]) -> None:
    from ..publishing import sharing

    sharing.check({grant for each in wanted for grant in each.grants}, regions)


def _lost(planned: Report) -> set[tuple[str, str]]:
    """Return the regions in which every layer failed or the region is disabled, so that nothing can be done there."""
    regions = {(row.account, row.region) for row in planned.rows}
    return regions - {(row.account, row.region) for row in planned.rows if row.status not in ("failed", "disabled")}


def _print(report: Report, console: Console, as_table: bool) -> None:
    many = len(report.accounts) > 1
    table = Table(*(["account"] if many else []), "region", "layer", "", "newest there", "version", "changes")
    for row in report.rows:
        changes = row.done if report.applied else row.steps
        cells = [row.region, row.layer, row.status, row.newest or "-", str(row.version or "-")]
        if as_table:
            cells[3] = cells[3].replace(", sha256", ",\nsha256")
            coloured = Text(row.status, _COLOURS.get(row.status, "yellow"))
            table.add_row(*([row.account] if many else []), *cells[:2], coloured, *cells[3:], "\n".join(changes))
        else:
            click.echo("\t".join([row.account, *cells, "; ".join(changes)]), file=console.file)
    if as_table:
        console.print(table)
    for (status, account, region, text), layers in _messages(report).items():
        colour = _COLOURS.get(status, "yellow")
        where = f"{account} {region} {', '.join(layers)}"
        console.print(f"[{colour}]{status}[/] {where}: {escape(text)}", highlight=False, soft_wrap=True)
    for sentence in report.levels():
        console.print(f"[yellow]version numbers differ[/] {escape(sentence)}", highlight=False, soft_wrap=True)


def _messages(report: Report) -> dict[tuple[str, str, str, str], list[str]]:
    """Return the problems and notes of all rows with the layers that they concern, so that a shared message is printed once.

    Keys are status (`note` for a note), account, region and text.
    """
    messages: dict[tuple[str, str, str, str], list[str]] = {}
    for row in report.rows:
        for status, text in [*((row.status, problem) for problem in row.problems), *(("note", note) for note in row.notes)]:
            messages.setdefault((status, row.account, row.region, text), []).append(row.layer)
    return messages
