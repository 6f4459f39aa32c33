"""`python -m layer sar`: write the application for AWS's Serverless Application Repository."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from .. import matrix


@click.command()
@click.option("--stage", "stage_name", type=click.Choice(list(matrix.section("stage"))), default="prod", show_default=True)
@click.option(
    "--dist", type=click.Path(path_type=Path, file_okay=False), default=matrix.PROJECT / "dist", help="Folder of the zips. Default: dist."
)
@click.option("--site", metavar="URL", help="The project's repository, for links.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=matrix.PROJECT / "dist" / "sar",
    help="Folder. Default: dist/sar in this project.",
)
def sar(stage_name: str, dist: Path, site: str | None, output: Path) -> None:
    """Write template.json, README.md and LICENSE of an application that creates one of the layers in --dist, which has all.

    Whoever deploys it chooses Python and architecture. `sam package` and `sam publish` take the template; the version is the release.
    """
    from ..publishing import application, artefact, gate, stages
    from ..publishing.report import write_text

    stage = stages.stage(stage_name)
    artefacts = [artefact.load(target, dist) for target in matrix.targets()]
    gate.version(stage, artefacts[0].release)
    write_text(output / "README.md", application.readme(artefacts[0].release, site))
    shutil.copyfile(matrix.PROJECT / "LICENSE", output / "LICENSE")
    write_text(output / "template.json", application.template(artefacts, stage, output, site))
    click.echo(output / "template.json")
