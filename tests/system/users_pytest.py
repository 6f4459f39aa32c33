"""Runs pytest in a user's project, as the user does, and strictly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attach_tools as tools

from local.cache import cache_dir

# anyio's plugin imports trio, after which hypothesis warns at its own import: both are in the tests' environment only.
_OPTIONS = ("-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:anyio")


def run_pytest(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Return the process of pytest, which has ended. A warning is an error, and no setting of this process's environment is passed on."""
    command = [sys.executable, "-m", "pytest", *_OPTIONS, *arguments]
    variables = {"RDSLOCAL_CACHE": str(cache_dir()), **variables}
    return subprocess.run(command, cwd=folder, env=tools.environ(variables), capture_output=True, text=True, check=False)
