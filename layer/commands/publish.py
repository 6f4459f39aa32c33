"""`python -m layer publish`: plans what would be published where, and with --yes does it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from .. import matrix
from ..errors import LayerError
from .selection import aws_options, chosen_targets, open_accounts, region_names, regions_of, targets_options

if TYPE_CHECKING:
    from ..publishing.artefact import Artefact
    from ..publishing.plan import Wanted
    from ..publishing.report import Report
    from ..publishing.stages import Stage

_COLOURS = {"as wanted": "green", "published": "green", "completed": "green", "failed": "red", "disabled": "dim"}


@click.command()
@aws_options
@targets_options
@click.option("--yes", is_flag=True, help="Do it. Without this, only the plan is shown.")
@click.option(
    "--share", "shares", multiple=True, metavar="WHO", help="public, an account, an organisation (o-...), or nobody; may be repeated."
)
@click.option("--bucket", help="For zips over the direct limit: a bucket; {region} and {account} are filled in.")
@click.option(
    "--direct-limit", type=click.IntRange(0), default=None, help="Bytes that go to Lambda directly. Default: what layer/matrix.toml says."
)
@click.option(
    "--dist", type=click.Path(path_type=Path, file_okay=False), default=matrix.PROJECT / "dist", help="Folder of the zips. Default: dist."
)
@click.option("--replace", is_flag=True, help="prod: let the parameter of a release that exists mean another zip.")
@click.option("--dirty", is_flag=True, help="prod: publish although the tree has changes that are not committed.")
@click.option("--inspect/--no-inspect", "inspected", default=True, help="Inspect the zips first. Default: yes.")
@click.option("--report", "report_path", type=click.Path(path_type=Path, dir_okay=False), help="Keep the report in this file, as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def publish(
    stage_name: str,
    regions: str,
    accounts: tuple[str, ...],
    timeout: float,
    parallel: int,
    pythons: tuple[str, ...],
    architectures: tuple[str, ...],
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
    """Publish built layers to regions and accounts: a plan, and with --yes what it says.

    A zip is published once per region: its hash is looked for before each attempt, also by a run after one that was killed or
    half failed. Such a run does what is missing and nothing else.

    Version numbers are Lambda's: each publication takes the next one, and no number is ever given again. They stay level across
    regions as long as every region gets every release. They are never filled up with copies; where they differ, plan and report
    show it. Use the ARNs of the report, the catalogue or the SSM parameters.

    Each version is shared, read again and held against the manifest (hash, architectures, runtimes, licence, policy); only
    then do the SSM parameters of the release and of `latest` point to it, and they are read again, too.

    The exit status is 0 when everything is as wanted (without --yes: could be read), 1 when anything failed, 2 for wrong options.
    """
    from ..publishing import publication, stages
    from ..publishing.campaign import Campaign
    from ..publishing.report import Report, ReportFile

    console = Console(stderr=True)
    stage = stages.stage(stage_name)
    names, optional = region_names(regions)
    limit = matrix.section("publish")["direct_upload"] if direct_limit is None else direct_limit
    artefacts = _artefacts(stage, chosen_targets(pythons, architectures), dist, inspected, console)
    changed = _changed(stage, dirty, console)
    _hold_to_limit(artefacts, limit, bucket)
    wanted = _wanted(artefacts, stage, shares, replace)
    opened = open_accounts(accounts, timeout, console)
    every = regions_of(opened, names)
    campaign = Campaign(wanted, optional, parallel, console)

    planned = Report(stage.name, artefacts[0].release, opened, dirty=changed)
    planned.rows = campaign.run(every, lambda region, each, _: publication.plan(region, each), "planning", lambda _: None, keep=False)
    if not yes:
        _show(planned, as_json)
        if report_path:
            ReportFile(report_path, planned).finish(planned.rows)
        console.print("nothing was changed: --yes does what the plan says")
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
    _show(done, as_json)
    if not done.ok:
        console.print("[red]not everything is as wanted[/]: run the same again, it does only what is missing")
        sys.exit(1)


def _artefacts(stage: Stage, targets: list[matrix.Target], dist: Path, inspected: bool, console: Console) -> list[Artefact]:
    from ..publishing import artefact, gate

    with console.status("reading the zips"):
        loaded = [artefact.load(target, dist) for target in targets]
        gate.version(stage, loaded[0].release)
        if inspected:
            gate.fit(loaded)
    return loaded


def _changed(stage: Stage, dirty: bool, console: Console) -> bool:
    """Returns whether the tree has changes, which prod takes only when told to, and loudly."""
    from ..publishing import gate

    if stage.prerelease:
        return False
    if not dirty:
        if changed := gate.changes():
            raise LayerError(gate.refusal(changed))
        return False
    console.print("[bold white on red] --dirty [/] what goes to prod may be built from a tree that no commit holds; the report says so")
    return True


def _hold_to_limit(artefacts: list[Artefact], limit: int, bucket: str | None) -> None:
    from ..publishing.bucket import needed

    for artefact in artefacts:
        if len(artefact.zipped) > limit and not bucket:
            raise LayerError(needed(artefact, limit))


def _wanted(artefacts: list[Artefact], stage: Stage, shares: tuple[str, ...], replace: bool) -> list[Wanted]:
    from ..publishing.grants import Grant
    from ..publishing.plan import Wanted

    if "nobody" in shares and len(shares) > 1:
        raise LayerError("--share nobody stands alone")
    grants = frozenset(Grant.parse(text) for text in shares if text != "nobody") if shares else stage.share
    return [Wanted(artefact, stage, grants, immutable=not stage.prerelease and not replace) for artefact in artefacts]


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        _print(report, Console(soft_wrap=not sys.stdout.isatty()), sys.stdout.isatty())


def _lost(planned: Report) -> set[tuple[str, str]]:
    """Returns the regions in which the plan leaves nothing to do but to tell why."""
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
    for (status, account, region, text), layers in _told(report).items():
        colour = _COLOURS.get(status, "yellow")
        where = f"{account} {region} {', '.join(layers)}"
        console.print(f"[{colour}]{status}[/] {where}: {escape(text)}", highlight=False, soft_wrap=True)
    for sentence in report.levels():
        console.print(f"[yellow]not level[/] {escape(sentence)}", highlight=False, soft_wrap=True)


def _told(report: Report) -> dict[tuple[str, str, str, str], list[str]]:
    """Returns the layers by what is to be told of them: problems under the row's status, notes; what several share is told once."""
    told: dict[tuple[str, str, str, str], list[str]] = {}
    for row in report.rows:
        for status, text in [*((row.status, problem) for problem in row.problems), *(("note", note) for note in row.notes)]:
            told.setdefault((status, row.account, row.region, text), []).append(row.layer)
    return told
