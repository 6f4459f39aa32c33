"""`python -m layer verify`: check that a zip, or a published layer version, is the one that this tree builds."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console

from local.cache import cache_dir

from .. import documents, matrix
from ..building import docker, interpreter
from ..checks.verification import Verdict, verify
from ..errors import LayerError

_STATUS = {Verdict.SAME: 0, Verdict.REPACKED: 0, Verdict.SIGNED: 0, Verdict.UNPROVED: 2, Verdict.DIFFERENT: 1}
_SHOWN = 20


@click.command(name="verify")
@click.argument("what", metavar="ZIP|ARN")
@click.option("--as", "name", help="The layer name of the zip, such as rdspool-python3.13-arm64. Default: its file name.")
@click.option(
    "--account", metavar="PROFILE|ROLE-ARN", help="The credentials that download the zip of the ARN. Default: those that boto3 finds."
)
@click.option(
    "--interpreter",
    "given",
    type=click.Path(path_type=Path, exists=True),
    help="The CPython that compiles the sources. Default: search for one.",
)
@click.option("--base", help="A base image, with its digest: its CPython compiles the sources, with Docker.")
@click.option("--key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A public key (PEM): check the signature first.")
@click.option(
    "--signature",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="With --key. Default: ZIP.sig, and the signatures of SBOM and provenance.",
)
def verify_command(
    what: str, name: str | None, account: str | None, given: Path | None, base: str | None, key: Path | None, signature: Path | None
) -> None:
    """Build the layer again and compare it with ZIP, or with the zip of the layer version that has this ARN.

    The exit status is 0 when they have the same content and 1 when they differ. It is 2 when only the bytecode differs and the
    manifest beside ZIP (or the description of the version) names another patch release of CPython. Anybody can write that name, so
    nothing is proved about the bytecode then: verify with that release.
    """
    with tempfile.TemporaryDirectory() as folder, Console(stderr=True).status("") as status, docker.compiler(base, given) as given:
        if what.startswith("arn:"):
            # Imported late: it needs boto3, which the comparison of a file does not.
            from ..publishing.download import download

            status.update(f"downloading {what}")
            version = download(what, Path(folder), account)
            path, target, theirs = version.path, version.target, version.interpreter
        else:
            path = Path(what)
            if not path.is_file():
                raise LayerError(f"{what} is neither a file nor the ARN of a layer version")
            target = matrix.parse(name or path.name)
            manifest = path.with_suffix(".json")
            theirs = documents.read(manifest).text("bytecode", "interpreter") if manifest.is_file() else None
        if key:
            _check_signatures(path, key, signature)
        found = given or interpreter.find(target.python, status.update)
        result = verify(path, target, found, cache_dir(), theirs, status.update)
    click.echo(f"{what}: {result.verdict.value}")
    if result.verdict is Verdict.UNPROVED:
        click.echo(f"  it names {result.theirs}, rebuilt with {result.ours}: give the former with --interpreter, or its image with --base")
    elif result.verdict is Verdict.DIFFERENT:
        for number, (file, how) in enumerate(result.differences.items()):
            if number == _SHOWN:
                click.echo(f"  and {len(result.differences) - _SHOWN} more")
                break
            click.echo(f"  {file} {how}")
        if not result.theirs:
            click.echo(f"  no manifest names the interpreter of its bytecode; this one is {result.ours}")
    sys.exit(_STATUS[result.verdict])


def _check_signatures(path: Path, key: Path, given: Path | None) -> None:
    from ..evidence.signature import SIGNATURE, check
    from ..evidence.writing import beside

    signed = [each for each in beside(path) if given is None and each.with_name(each.name + SIGNATURE).is_file()]
    for each in (path, *signed):
        fault = check(each, key.read_bytes(), given)
        if fault:
            raise LayerError(f"{each} {fault}")
        click.echo(f"{each.name}: signed with the key of {key}")
