"""`python -m layer build`: build layers in Lambda's image if a Docker engine answers, otherwise with pip."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local.cache import cache_dir

from .. import matrix
from ..building import docker, interpreter
from ..building.assemble import Layer, Progress, assemble
from ..errors import LayerError
from ..matrix import Target

if TYPE_CHECKING:
    from ..evidence.provenance import Builder as MadeBy


@click.command()
@click.option("--python", "pythons", multiple=True, type=click.Choice(matrix.names("python")), help="Minor version; may be repeated.")
@click.option("--arch", "architectures", multiple=True, type=click.Choice(matrix.names("architecture")), help="May be repeated.")
@click.option("--all", "everything", is_flag=True, help="Every Python and architecture; --python and --arch limit them.")
@click.option("--docker/--no-docker", "with_docker", default=None, help="Build in Lambda's image. Default: if a Docker engine answers.")
@click.option("--base", help="Base image with its digest, instead of the one in layer/matrix.toml. Needs --docker and one --python.")
@click.option(
    "--interpreter",
    "given",
    type=click.Path(path_type=Path, exists=True),
    help="The CPython that compiles the sources. Default: search for one.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=matrix.PROJECT / "dist",
    help="Output folder. Default: dist in this project.",
)
@click.option(
    "--builder-id",
    metavar="URI",
    help="The builder in the provenance. Default: the GitHub workflow that runs this, otherwise a local builder.",
)
@click.option("--sign-with", "signer", metavar="COMMAND", help="Sign the built files, as `sign --with` does.")
@click.option("--json", "as_json", is_flag=True, help="Print each manifest as one line of JSON.")
def build(
    pythons: tuple[str, ...],
    architectures: tuple[str, ...],
    everything: bool,
    with_docker: bool | None,
    base: str | None,
    given: Path | None,
    output: Path,
    builder_id: str | None,
    signer: str | None,
    as_json: bool,
) -> None:
    """Build layers. Each gets a zip, a manifest, an SBOM (CycloneDX) and a provenance statement (in-toto, SLSA)."""
    # Imported late: their packages take longer to import than other commands take to run.
    from ..building import source
    from ..evidence import signature, writing

    hook = signature.Hook(signer) if signer else None
    console = Console(stderr=True)
    client = docker.engine() if with_docker is not False else None
    if with_docker and not client:
        raise LayerError(docker.why_none())
    targets = _targets(pythons, architectures, everything, may_choose=not client)
    if base and (not with_docker or len({t.python for t in targets}) > 1):
        raise LayerError("--base applies to one Python built with Docker: give --docker and a single --python")
    builder = _Builder(client, bool(with_docker), base, given, output, console, builder_id)
    tree = source.source()
    layers, failures = [], []
    with console.status("") as status:
        for number, target in enumerate(targets, 1):
            label = f"{number}/{len(targets)} {target.name}" if len(targets) > 1 else target.name

            def progress(step: str, label: str = label) -> None:
                status.update(f"{label}: {escape(step)}")

            try:
                layer, made_by = builder.build(target, progress)
                progress("describing")
                writing.write(layer, target, tree, made_by)
                layers.append(layer)
                console.print(f"[green]built[/] {label} ({layer.manifest['bytecode']['interpreter']})", highlight=False)
            except LayerError as error:
                if len(targets) == 1:
                    raise
                failures.append(error)
                console.print(f"[red]failed[/] {label}: {escape(str(error))}", highlight=False, soft_wrap=True)
    if hook:
        # After the progress display has ended, because the command may ask for a passphrase.
        for layer in layers:
            for path in signature.sign_all(layer.path, hook):
                console.print(f"[green]signed[/] {path}", highlight=False, soft_wrap=True)
    _report(layers, as_json)
    if failures:
        raise LayerError(f"{len(failures)} of {len(targets)} layers were not built (reasons above)")


@dataclass(frozen=True)
class _Builder:
    """Build with Docker if there is a `client`, otherwise with pip. If Docker fails, use pip too unless `docker_only`."""

    client: str | None
    docker_only: bool
    base: str | None
    given: Path | None
    output: Path
    console: Console
    id: str | None

    def build(self, target: Target, progress: Progress) -> tuple[Layer, MadeBy]:
        from ..evidence.provenance import builder

        if self.client:
            try:
                layer = docker.build(self.client, target, self.output, progress, self.base)
                return layer, builder(self.id, base=docker.pinned(self.client, self.base or target.base_image))
            except LayerError as error:
                if self.docker_only:
                    raise
                # pip gives the same bytes for the same interpreter, and the manifest names the interpreter.
                self.console.print(f"[yellow]without Docker[/] {target.name}: {escape(str(error))}", highlight=False, soft_wrap=True)
        progress(f"finding CPython {target.python}")
        python = self.given or interpreter.find(target.python, progress)
        return assemble(target, python, cache_dir(), self.output, progress), builder(self.id, interpreter=python)


def _targets(pythons: tuple[str, ...], architectures: tuple[str, ...], everything: bool, may_choose: bool) -> list[Target]:
    chosen = {"python": pythons, "architecture": architectures}
    for kind, given in chosen.items():
        if not given and everything:
            chosen[kind] = tuple(matrix.names(kind))
        elif not given and kind == "python" and may_choose:
            chosen[kind] = (interpreter.preferred(),)
        elif not given:
            chosen[kind] = (matrix.default(kind),)
    return [matrix.target(p, a) for p in chosen["python"] for a in chosen["architecture"]]


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
