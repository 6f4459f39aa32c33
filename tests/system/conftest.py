"""Layers for the tests that need a built one: each is built once in a session, by the command, and not to be changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from layer import matrix
from local.cache import cache_dir

HERE = ".".join(map(str, sys.version_info[:2]))
LayerOf = Callable[[str], Path]


@pytest.fixture(scope="session")
def layer_of(tmp_path_factory: pytest.TempPathFactory) -> LayerOf:
    """A function that returns the zip of an architecture for the running Python, with all that lies beside it."""
    built: dict[str, Path] = {}

    def of(architecture: str) -> Path:
        if architecture not in built:
            folder = tmp_path_factory.mktemp("layer")
            command = [sys.executable, "-m", "layer", "build", "--no-docker", "--json", "--output", str(folder)]
            options = ["--python", HERE, "--arch", architecture, "--interpreter", sys.executable]
            variables = os.environ | {"RDSLOCAL_CACHE": str(cache_dir()), "PYTHONPATH": str(matrix.PROJECT)}
            result = subprocess.run([*command, *options], cwd=folder, env=variables, capture_output=True, text=True, check=False)
            assert result.returncode == 0, result.stderr
            built[architecture] = folder / json.loads(result.stdout)["file"]
        return built[architecture]

    return of
