"""`python -m layer roots`: write python/rdspool/_aws/roots from AWS's bundles and the npm package, or compare it with them."""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path

import click

from .. import matrix
from ..building import roots
from ..errors import LayerError


@click.command(name="roots")
@click.option(
    "--bundle",
    "bundles",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A bundle of layer/matrix.toml as a file, found by its hash; may be repeated. Those that are not given are downloaded from AWS.",
)
@click.option(
    "--package", type=click.Path(path_type=Path, exists=True), help=f"The tarball of {roots.PACKAGE}; downloaded with npm by default."
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Leave out certificates that have expired on this day. Default: today; with --check, the day of the files.",
)
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), default=matrix.PROJECT / "python" / "rdspool" / "_aws" / "roots"
)
@click.option("--check", is_flag=True, help="Write nothing. The exit status is 1 when the files are not those of the sources.")
def roots_command(bundles: tuple[Path, ...], package: Path | None, as_of: datetime.datetime | None, output: Path, check: bool) -> None:
    """Write the roots of each region from AWS's bundles, and those of RDS Proxy from the npm package."""
    day = as_of.date() if as_of else roots.as_of(output) if check else datetime.datetime.now(datetime.UTC).date()
    sources = [*roots.from_bundles(bundles), roots.from_package(package)]
    if check:
        with tempfile.TemporaryDirectory() as folder:
            counts = roots.write(Path(folder), sources, day)
            if wrong := roots.differences(output, Path(folder)):
                raise LayerError(f"{output} is not what the sources give in {', '.join(wrong)}: write the files again without --check")
    else:
        counts = roots.write(output, sources, day)
    for name, count in counts.items():
        click.echo(f"{count}  {output / name}")
