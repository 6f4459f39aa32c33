"""The build inside an image: the same bytes as without Docker when the interpreter is the same.

The engine is the one that answers, if its image is there too, else one that tests/docker-engine.sh starts (root, on Debian).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from layer import docker, matrix
from layer.checks.finding import read
from local.cache import cache_dir

ENGINE = matrix.PROJECT / "tests" / "docker-engine.sh"
HERE = ".".join(map(str, sys.version_info[:2]))
TARGET = matrix.target(HERE, "x86_64", "pure")


def build(output: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "layer", "build", "--python", HERE, "--arch", "x86_64", "--json", "--output", str(output), *options]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(matrix.PROJECT), "RDSLOCAL_CACHE": str(cache_dir())}


@pytest.fixture(scope="module")
def engine() -> list[str]:
    """What to put before a command so that an engine with the base image answers it."""
    client = docker.engine()
    if client and subprocess.run([client, "image", "inspect", TARGET.base_image], capture_output=True, check=False).returncode == 0:
        return []
    prefix = [str(ENGINE), HERE]
    result = subprocess.run([*prefix, "true"], env=environment(), capture_output=True, text=True, check=False)
    if result.returncode == 3:
        pytest.skip(f"no Docker engine can be had here: {result.stderr.strip().splitlines()[-1]}")
    assert result.returncode == 0, result.stderr
    return prefix


def test_docker_and_pip_give_the_same_bytes(engine: list[str], tmp_path: Path) -> None:
    made = {}
    for kind, prefix, option in (("docker", engine, "--docker"), ("pip", [], "--no-docker")):
        command = [*prefix, *build(tmp_path / kind, option)]
        result = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        made[kind] = json.loads(result.stdout)
    assert sorted(path.name for path in (tmp_path / "docker").iterdir()) == [f"{TARGET.name}.json", f"{TARGET.name}.zip"]
    zips = {kind: read(tmp_path / kind / f"{TARGET.name}.zip", TARGET) for kind in made}
    assert zips["docker"].files.keys() == zips["pip"].files.keys()
    same = made["docker"]["bytecode"] == made["pip"]["bytecode"]
    differing = {path for path, data in zips["docker"].files.items() if data != zips["pip"].files[path]}
    # Another patch release may compile differently, which is why the manifest names it.
    assert {path for path in differing if not path.endswith(".pyc")} == set()
    assert not same or zips["docker"].zipped == zips["pip"].zipped


def test_a_base_that_cannot_be_had_is_told_in_a_line(engine: list[str], tmp_path: Path) -> None:
    # Port 9 of this machine is nobody's registry.
    command = [*engine, *build(tmp_path / "dist", "--docker", "--base", "127.0.0.1:9/lambda/python:none")]
    result = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert f"docker could not build {TARGET.name}" in result.stderr
    assert "--no-docker builds it with pip alone" in result.stderr
    assert not list(tmp_path.glob("dist/*"))
