"""The tools that check the examples' infrastructure code, each in its pinned version: Python's and npm's in the cache, Terraform from this machine."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from absence import missing

from local.cache import cache_dir, folder, say
from local.environment.pip import pip

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
LOCK = ROOT / "tests" / "attach" / "requirements.txt"
REGION = "eu-central-1"
QUIET = {
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "CHECKPOINT_DISABLE": "1",
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    "NO_COLOR": "1",
    "SAM_CLI_TELEMETRY": "0",
    "SLS_INTERACTIVE_SETUP_ENABLE": "0",
    "SLS_NOTIFICATIONS_MODE": "off",
    "SLS_TELEMETRY_DISABLED": "1",
}
"""No tool reports home, asks a person, or finds credentials."""


def run(*command: str | Path, cwd: Path, expect: int = 0, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a tool with no AWS credentials but those in `variables`. Fail, with the tool's words, on another exit status than `expect`."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environ(variables),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def environ(variables: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without AWS's and the product's variables, and with `variables`."""
    left = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RDSPOOL_", "RDSLOCAL_"))}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return {**left, **QUIET, **nowhere, **variables}


def python() -> Path:
    """Return the interpreter of the environment that has aws-sam-cli, cfn-lint and aws-cdk-lib: call them with -m."""
    name = hashlib.sha256(LOCK.read_bytes() + f"{sys.base_prefix} {sys.version}".encode()).hexdigest()[:16]

    def make(new: Path) -> None:
        say("installing what checks the infrastructure code, from tests/attach/requirements.txt (once; a minute or so)")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", new], check=True)
        # Most of the CDK's modules are never imported: they are compiled when they are.
        how = ("--require-hashes", "--only-binary", ":all:", "--no-compile", "-r", LOCK)
        pip("aws-sam-cli, cfn-lint and aws-cdk-lib", "--python", new / "bin" / "python", "install", *how)

    return folder(cache_dir() / "attach" / f"python-{name}", make) / "bin" / "python"


def node_modules(example: str) -> Path:
    """Return the folder that `npm ci` makes of the example's package-lock.json."""
    node()
    npm = shutil.which("npm")
    if npm is None:
        missing(f"npm is not on the PATH, and examples/{example} needs it: install Node.js 20 or later with npm (https://nodejs.org)")
    package = EXAMPLES / example
    files = ("package.json", "package-lock.json")
    name = hashlib.sha256(b"".join((package / file).read_bytes() for file in files)).hexdigest()[:16]

    def make(new: Path) -> None:
        say(f"npm installs examples/{example}/package-lock.json (once; half a minute or so)")
        for file in files:
            shutil.copy(package / file, new)
        run(npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", cwd=new)

    return folder(cache_dir() / "attach" / f"{example}-{name}", make) / "node_modules"


def node() -> str:
    """Return Node.js, which the CDK and the Serverless Framework run on."""
    found = shutil.which("node")
    if found is None:
        missing("node is not on the PATH, and CDK and the Serverless Framework need it: install Node.js 20 or later (https://nodejs.org)")
    return found


def lint(*templates: Path, include: str = "W", ignore: str = "") -> None:
    """Assert that cfn-lint has nothing to say about the CloudFormation templates. `include`: "I" for its hints, too; `ignore`: a check's id."""
    checks = ("--include-checks", include, *(("--ignore-checks", ignore) if ignore else ()))
    run(python(), python().with_name("cfn-lint"), "--regions", REGION, *checks, "--template", *templates, cwd=ROOT)


def checkout(target: Path, *examples: str) -> Path:
    """Return a copy of these examples' folders, and of the function that they share, for the tools that write beside their files."""
    skip = shutil.ignore_patterns("node_modules", "cdk.out", ".aws-sam", ".serverless", ".terraform*", "*.tfstate*", "build", "__pycache__")
    for example in (*examples, "connection_id"):
        shutil.copytree(EXAMPLES / example, target / example, ignore=skip)
    return target
