"""`python -m layer sign`: sign zips with a command or with AWS Signer."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from .. import matrix
from ..errors import LayerError


@click.command()
@click.argument("zips", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--with",
    "command",
    metavar="COMMAND",
    help="Signs {file} into {signature} or {bundle}. Runs once for the zip, the SBOM and the provenance.",
)
@click.option("--aws-profile", "profile", metavar="NAME", help="A signing profile of AWS Signer, for AWSLambda-SHA384-ECDSA.")
@click.option(
    "--bucket", metavar="NAME", help="For AWS Signer: a versioned bucket in the same region. {account} and {region} are replaced."
)
@click.option("--region", metavar="REGION", help="For AWS Signer.")
@click.option("--account", metavar="PROFILE|ROLE-ARN", help="For AWS Signer: the credentials to use. Default: those that boto3 finds.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the zips of AWS Signer. Default: signed/ beside each zip.",
)
def sign(
    zips: tuple[Path, ...],
    command: str | None,
    profile: str | None,
    bucket: str | None,
    region: str | None,
    account: str | None,
    output: Path | None,
) -> None:
    """Sign layers.

    \b
    --with writes NAME.zip.sig (or .bundle) beside each zip, and the same for its SBOM and provenance:
      layer sign --with 'cosign sign-blob --yes --key k.key --output-signature {signature} {file}' dist/*.zip
      layer sign --with 'cosign sign-blob --yes --bundle {bundle} {file}' dist/*.zip
      layer sign --with 'openssl dgst -sha256 -sign k.pem -out {signature} {file}' dist/*.zip
    --aws-profile writes a second zip, with another hash, that functions with code signing accept.
    """
    if bool(command) == bool(profile):
        raise LayerError("choose how to sign: --with COMMAND, or --aws-profile NAME --bucket NAME --region REGION")
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if command:
        from ..evidence import signature

        hook = signature.Hook(command)
        for path in zips:
            for made in signature.sign_all(path, hook):
                click.echo(made)
        return
    if not bucket or not region or not profile:
        raise LayerError("--aws-profile needs --bucket and --region too")
    _with_signer(zips, profile, bucket, region, account, output, console)


def _with_signer(
    zips: tuple[Path, ...], profile: str, bucket: str, region: str, account: str | None, output: Path | None, console: Console
) -> None:
    from ..publishing import signer
    from ..publishing.account import open_account

    opened = open_account(account, _TIMEOUT, matrix.partition_of(region))
    name = bucket.replace("{region}", region).replace("{account}", opened.id)
    with console.status("") as status:
        for path in zips:

            def progress(step: str, path: Path = path) -> None:
                status.update(f"{escape(path.name)}: {step}")

            folder = output or path.parent / "signed"
            where = opened.region(region)
            layer = signer.sign(where, path, matrix.parse(path.name), profile=profile, bucket=name, output=folder, progress=progress)
            before = json.loads(layer.manifest_path.read_text())["signed"]["unsigned_sha256"]
            console.print(f"[green]signed[/] {escape(str(layer.path))}: its sha256 was {before} before the signature")
            click.echo(f"{layer.manifest['sha256']}  {layer.path}")


_TIMEOUT = 20.0  # seconds without an answer from the region
