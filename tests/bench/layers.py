"""Build the layers that are measured, for the Python of this environment: that of this tree, and that of an earlier commit."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tarfile
from pathlib import Path

from layer import matrix
from local.cache import cache_dir, say
from local.environment.layers import unpacked
from local.errors import LocalError

ROOT = Path(__file__).resolve().parents[2]


def build(tree: Path, folder: Path) -> Path:
    """Build the layer of the project in `tree`, and return the folder with its content. Files go to `folder`.

    Raise LocalError with the reason when it can't be built.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    say(f"building the layer for Python {python}")
    command = [sys.executable, "-m", "layer.building.assemble", "--python", python, "--architecture", matrix.of_machine(platform.machine())]
    command += ["--cache", str(cache_dir()), "--output", str(folder)]
    variables = {**os.environ, "PYTHONPATH": str(tree)}
    built = subprocess.run(command, cwd=tree, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if built.returncode != 0:
        raise LocalError(f"the layer can't be built: {' / '.join(built.stderr.splitlines()[-3:])}")
    return unpacked(Path(built.stdout.strip()), "the layer")


def extracted(commit: str, folder: Path) -> Path:
    """Return a folder below `folder` with the project of a commit. Raise LocalError when git does not know the commit."""
    archive = folder / "before.tar"
    made = subprocess.run(["git", "archive", "--output", archive, commit], cwd=ROOT, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise LocalError(f"--before {commit}: {made.stderr.strip()}")
    with tarfile.open(archive) as files:
        files.extractall(folder / "before", filter="data")
    return folder / "before"
