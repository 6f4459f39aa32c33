"""Terraform from this machine, with the provider that the example pins: from a folder of this machine where there is one, else fetched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import attach_tools as tools
from absence import missing

from local.cache import cache_dir

PLUGINS = (
    "~/.terraform.d/*",
    "~/.local/share/terraform/*",
    "/opt/*",
    "/usr/local/share/*",
    "/usr/local/share/terraform/*",
    "/usr/share/terraform/*",
)
PROVIDER = "registry.terraform.io/hashicorp/aws"


def program() -> str:
    """Return the path of terraform in a version that runs the example's tests."""
    found = shutil.which("terraform")
    how = "install 1.9 or later from https://developer.hashicorp.com/terraform/install and put it on the PATH"
    if found is None:
        missing(f"terraform is not on the PATH, so examples/terraform is not checked: {how}")
    printed = subprocess.run([found, "version"], env=tools.environ({}), capture_output=True, text=True, check=False).stdout
    version = re.search(r"v(\d+)\.(\d+)", printed)
    if version is None or (int(version[1]), int(version[2])) < (1, 9):
        missing(f"{found} is {printed.strip().splitlines()[:1] or 'no terraform'}: {how}")
    return found


def run(work: Path, *arguments: str, expect: int = 0, **variables: str) -> str:
    """Run terraform in `work` and return what it printed to stdout and stderr."""
    command, *options = arguments
    done = tools.run(program(), command, "-no-color", *options, cwd=work, expect=expect, **variables)
    return done.stdout + done.stderr


def initialised(folder: Path) -> Path:
    """Return a copy of examples/terraform with its provider."""
    work = tools.checkout(folder, "terraform") / "terraform"
    local = provider_folder((work / "versions.tf").read_text())
    if local is not None:
        run(work, "init", "-input=false", f"-plugin-dir={local}")
    else:
        kept = cache_dir() / "attach" / "terraform"
        kept.mkdir(parents=True, exist_ok=True)
        run(work, "init", "-input=false", TF_PLUGIN_CACHE_DIR=str(kept), TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE="1")
    return work


def provider_folder(versions: str) -> Path | None:
    """Return the plugin folder of this machine that has the pinned provider: RDSLOCAL_TERRAFORM_PLUGINS, or one in a usual place."""
    named = os.environ.get("RDSLOCAL_TERRAFORM_PLUGINS")
    version = re.search(r'"hashicorp/aws"\s+version\s+=\s+"([\d.]+)"', versions)
    assert version is not None, "examples/terraform/versions.tf pins no hashicorp/aws"
    for pattern in (named,) if named else PLUGINS:
        absolute = Path(pattern).expanduser()
        for folder in Path(absolute.anchor).glob(str(absolute.relative_to(absolute.anchor))):
            if any((folder / PROVIDER / version[1]).glob("*/terraform-provider-aws*")):
                return folder
    return None
