"""`python -m layer build`: builds one layer, several or all, with Docker where an engine answers and with pip alone elsewhere."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from layer import docker, interpreter, matrix
from layer.assemble import Layer, Progress, assemble
from layer.errors import LayerError
from layer.matrix import Target
from local.cache import cache_dir


@click.command()
@click.option("--python", "pythons", multiple=True, type=click.Choice(matrix.names("python")), help="Minor version; may be repeated.")
@click.option("--arch", "architectures", multiple=True, type=click.Choice(matrix.names("architecture")), help="May be repeated.")
@click.option("--flavour", "flavours", multiple=True, type=click.Choice(matrix.names("flavour")), help="May be repeated.")
@click.option("--all", "everything", is_flag=True, help="Every Python, architecture and flavour that the other options do not narrow.")
@click.option(
    "--docker/--no-docker", "with_docker", default=None, help="Build inside Lambda's image. Default: where a Docker engine answers."
)
@click.option("--base", help="Base image with its digest, in place of that in layer/matrix.toml; needs --docker and one --python.")
@click.option(
    "--interpreter", "given", type=click.Path(path_type=Path, exists=True), help="Makes the bytecode; searched for when left out."
)
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), default=matrix.PROJECT / "dist", help="Folder. Default: dist here."
)
@click.option("--json", "as_json", is_flag=True, help="Print each manifest as one line of JSON.")
def build(
    pythons: tuple[str, ...],
    architectures: tuple[str, ...],
    flavours: tuple[str, ...],
    everything: bool,
    with_docker: bool | None,
    base: str | None,
    given: Path | None,
    output: Path,
    as_json: bool,
) -> None:
    """Build layers: a zip and its manifest each."""
    console = Console(stderr=True)
    client = docker.engine() if with_docker is not False else None
    if with_docker and not client:
        raise LayerError(docker.why_none())
    targets = _targets(pythons, architectures, flavours, everything, may_choose=not client)
    if base and (not with_docker or len({t.python for t in targets}) > 1):
        raise LayerError("--base is for one Python built with Docker: give --docker and a single --python")
    builder = _Builder(client, bool(with_docker), base, given, output, console)
    layers, failures = [], []
    with console.status("") as status:
        for number, target in enumerate(targets, 1):
            label = f"{number}/{len(targets)} {target.name}" if len(targets) > 1 else target.name

            def progress(step: str, label: str = label) -> None:
                status.update(f"{label}: {escape(step)}")

            try:
                layer = builder.build(target, progress)
                layers.append(layer)
                console.print(f"[green]built[/] {label} ({layer.manifest['bytecode']['interpreter']})", highlight=False)
            except LayerError as error:
                if len(targets) == 1:
                    raise
                failures.append(error)
                console.print(f"[red]failed[/] {label}: {escape(str(error))}", highlight=False, soft_wrap=True)
    _report(layers, as_json)
    if failures:
        raise LayerError(f"{len(failures)} of {len(targets)} layers were not built (reasons above)")


@dataclass(frozen=True)
class _Builder:
    """Builds with Docker where `client` is given, else (or, unless Docker was asked for, when that fails) with pip alone."""

    client: str | None
    docker_only: bool
    base: str | None
    given: Path | None
    output: Path
    console: Console

    def build(self, target: Target, progress: Progress) -> Layer:
        if self.client:
            try:
                return docker.build(self.client, target, self.output, progress, self.base)
            except LayerError as error:
                if self.docker_only:
                    raise
                # The other path gives the same bytes for the same interpreter, which the manifest names.
                self.console.print(f"[yellow]without Docker[/] {target.name}: {escape(str(error))}", highlight=False, soft_wrap=True)
        progress(f"finding CPython {target.python}")
        return assemble(target, self.given or interpreter.find(target.python, progress), cache_dir(), self.output, progress)


def _targets(
    pythons: tuple[str, ...], architectures: tuple[str, ...], flavours: tuple[str, ...], everything: bool, may_choose: bool
) -> list[Target]:
    chosen = {"python": pythons, "architecture": architectures, "flavour": flavours}
    for kind, given in chosen.items():
        if not given and everything:
            chosen[kind] = tuple(matrix.names(kind))
        elif not given and kind == "python" and may_choose:
            chosen[kind] = (interpreter.preferred(),)
        elif not given:
            chosen[kind] = (matrix.default(kind),)
    return [matrix.target(p, a, f) for f in chosen["flavour"] for p in chosen["python"] for a in chosen["architecture"]]


def _report(layers: list[Layer], as_json: bool) -> None:
    if as_json:
        for layer in layers:
            click.echo(json.dumps(layer.manifest))
    elif layers and sys.stdout.isatty():
        table = Table("layer", "zipped", "unzipped", "bytecode by", "sha256")
        for layer in layers:
            m = layer.manifest
            table.add_row(
                str(layer.path), _megabytes(m["zipped_bytes"]), _megabytes(m["unzipped_bytes"]), m["bytecode"]["interpreter"], m["sha256"]
            )
        Console().print(table)
    else:
        for layer in layers:
            click.echo(f"{layer.manifest['sha256']}  {layer.path}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
