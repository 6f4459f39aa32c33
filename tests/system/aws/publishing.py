"""What the tests of publishing share: small layers on disk, the commands, and what AWS holds afterwards."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import boto3
from botocore.config import Config
from click.testing import CliRunner

from layer import matrix
from layer.__main__ import main
from layer.building import archive, package
from layer.publishing.stages import stage

REGION = "eu-west-1"
REGIONS = ["eu-central-1", "eu-north-1", "eu-west-1", "us-east-1", "us-west-2"]
TARGET = matrix.target("3.13", "x86_64")
LAYER = stage("beta").layer(TARGET)
LATEST = stage("beta").parameter(TARGET, "latest")
RELEASE = package.project()["version"]
ONE = ["--python", "3.13", "--arch", "x86_64"]


def build(folder: Path, *targets: matrix.Target, content: bytes = b"version = 1\n", **changes: object) -> Path:
    """Write layers that hold one file, with the manifests of real ones."""
    folder.mkdir(exist_ok=True)
    for target in targets or (TARGET,):
        path = folder / f"{target.name}.zip"
        with zipfile.ZipFile(path, "w") as archived:
            archived.writestr(zipfile.ZipInfo("python/rdspool/version.py"), content + target.name.encode())
        manifest = {
            "version": RELEASE,
            "code_sha256": archive.code_sha256(path.read_bytes()),
            "compatible_runtimes": [target.runtime],
            "compatible_architectures": [target.architecture],
            "license_info": "Apache-2.0 (rdspool)",
            "bytecode": {"interpreter": f"CPython {target.python}.0"},
        }
        path.with_suffix(".json").write_text(json.dumps(manifest | changes))
    return folder


def environment(aws, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | aws.variables() | {"COLUMNS": "200"} | more


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "layer", *map(str, arguments)]


@dataclass(frozen=True)
class Done:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


def run(aws, *arguments: object, **more: str) -> Done:
    """Run a command of the layer to its end, in this process: a new one costs more than all that most commands do."""
    wanted = environment(aws, **more)
    gone = {name: None for name in os.environ if name not in wanted}
    result = CliRunner().invoke(main, list(map(str, arguments)), env=wanted | gone)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def publishing(dist: Path, regions: list[str] | str = "", *more: object, layers: list[str] | None = None) -> list[object]:
    """Return the arguments of a publication to beta."""
    named = regions if isinstance(regions, str) and regions else ",".join(regions or REGIONS)
    chosen = ONE if layers is None else layers
    return ["publish", "--stage", "beta", "--regions", named, *chosen, "--no-inspect", "--dist", dist, "--timeout", 2, *more]


def publish(aws, dist: Path, regions: list[str] | str = "", *more: object) -> Done:
    """Return what a publication to beta left, with its report as JSON."""
    return run(aws, *publishing(dist, regions, "--yes", "--json", *more))


def report(done: Done) -> dict:
    """Return the report that --json printed."""
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def statuses(done: Done) -> dict[str, str]:
    """Return each region's status in the report."""
    return {row["region"]: row["status"] for row in report(done)["layers"]}


def problem(done: Done, region: str = REGION) -> str:
    """Return what the report says went wrong in a region."""
    (row,) = [row for row in report(done)["layers"] if row["region"] == region]
    return " ".join(row["problems"])


def client(aws, service: str, region: str, account: str | None = None):
    """Return a client of boto3's, for the first account or for another one."""
    keys = aws.variables()
    config = Config(retries={"mode": "standard", "total_max_attempts": 2})
    session = _session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
    if account:
        home = matrix.partitions()[matrix.partition_of(region)].home
        sts = session.client("sts", region_name=home, endpoint_url=aws.address)
        taken = sts.assume_role(RoleArn=role(account, region), RoleSessionName="test")["Credentials"]
        session = _session(taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])
    return session.client(service, region_name=region, endpoint_url=aws.address, config=config)


def role(account: str, region: str) -> str:
    """Return the ARN of the publisher's role in an account of the region's partition."""
    return f"arn:{matrix.partition_of(region)}:iam::{account}:role/publisher"


@cache
def _session(*keys: str) -> boto3.Session:
    return boto3.Session(*keys)


def versions(aws, region: str, layer: str = LAYER, account: str | None = None) -> list[int]:
    """Return the numbers of the versions that are there, oldest first."""
    there = client(aws, "lambda", region, account).list_layer_versions(LayerName=layer)["LayerVersions"]
    return sorted(version["Version"] for version in there)


def parameter(aws, region: str, name: str = LATEST, account: str | None = None) -> str | None:
    found = client(aws, "ssm", region, account).get_parameters(Names=[name])["Parameters"]
    return found[0]["Value"] if found else None


def principals(aws, region: str, version: int, layer: str = LAYER, account: str | None = None) -> set[str]:
    """Return the statement ids of a version's policy."""
    api = client(aws, "lambda", region, account)
    try:
        policy = api.get_layer_version_policy(LayerName=layer, VersionNumber=version)["Policy"]
    except api.exceptions.ResourceNotFoundException:
        return set()
    return {statement["Sid"] for statement in json.loads(policy)["Statement"]}
