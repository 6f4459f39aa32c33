"""`python -m layer distributions`: build and check what PyPI gets."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from local.cache import cache_dir

from .. import matrix
from ..building import archive, distributions


@click.command("distributions")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=matrix.PROJECT / "dist" / "pypi",
    help="Output folder. Default: dist/pypi in this project.",
)
@click.option("--site", metavar="URL", help="The project's repository, for the links of the README on PyPI.")
def distributions_command(output: Path, site: str | None) -> None:
    """Build rdspool's sdist and wheels for PyPI, and check them with twine, check-wheel-contents and auditwheel."""
    with Console(stderr=True).status("") as status:
        built = distributions.build(cache_dir(), output, lambda step: status.update(escape(step)), site)
    for path in built:
        click.echo(f"{archive.sha256(path.read_bytes())}  {path}")
