"""`python -m layer roots`: write python/rdspool/_aws/roots from AWS's bundles or the npm package."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from .. import matrix, roots


@click.command(name="roots")
@click.option(
    "--bundle",
    "bundles",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A bundle from AWS's RDS truststore (global-bundle.pem); may be repeated.",
)
@click.option(
    "--package", type=click.Path(path_type=Path, exists=True), help=f"The tarball of {roots.PACKAGE}; downloaded with npm by default."
)
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Leave out certificates that have expired on this day. Default: today.")
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), default=matrix.PROJECT / "python" / "rdspool" / "_aws" / "roots"
)
def roots_command(bundles: tuple[Path, ...], package: Path | None, as_of: datetime.datetime | None, output: Path) -> None:
    """Write the roots of each region. AWS's bundles add regions that the npm package lacks; RDS Proxy's roots come from the package."""
    day = (as_of or datetime.datetime.now(datetime.UTC)).date()
    counts = roots.write(output, [*(roots.from_bundle(path) for path in bundles), roots.from_package(package)], day)
    for name, count in counts.items():
        click.echo(f"{count}  {output / name}")
