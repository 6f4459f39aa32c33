"""`python -m layer lock`: pin the layer's packages and the tools of the builds to hashes of wheels."""

from __future__ import annotations

import shutil
import subprocess

import click

from ..building.wheels import DISTRIBUTION_TOOLS, REQUIREMENTS, TOOLS
from ..errors import LayerError
from ..matrix import PROJECT


@click.command()
@click.option("--upgrade", is_flag=True, help="Use newer versions if the .in files allow them.")
def lock(upgrade: bool) -> None:
    """Write layer/requirements.txt, layer/tools.txt and layer/distributions.txt from the .in files beside them."""
    uv = shutil.which("uv")
    if not uv:
        raise LayerError("uv is missing: pip install uv")
    for path in (REQUIREMENTS, TOOLS, DISTRIBUTION_TOOLS):
        command = [
            uv,
            "pip",
            "compile",
            "--quiet",
            "--universal",
            "--generate-hashes",
            "--only-binary",
            ":all:",
            "--python-version",
            "3.12",
        ]
        command += ["--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "python -m layer lock"]
        command += [str(path.with_suffix(".in").relative_to(PROJECT)), "--output-file", str(path.relative_to(PROJECT))]
        if subprocess.run([*command, *(["--upgrade"] if upgrade else [])], cwd=PROJECT).returncode:
            raise LayerError(f"uv could not write {path.name} (its reason is above)")
        click.echo(path)
