"""The build inside an image: the same bytes as without Docker when the interpreter is the same.

The engine is the one that answers, if its image is there too, else one that tests/docker-engine.sh starts (root, on Debian).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from absence import missing
from layers import HERE, LayerOf

from layer import docker, matrix
from layer.checks.finding import read
from local.cache import cache_dir

ENGINE = matrix.PROJECT / "tests" / "docker-engine.sh"
TARGET = matrix.target(HERE, "x86_64")


def build(output: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "layer", "build", "--python", HERE, "--arch", "x86_64", "--json", "--output", str(output), *options]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(matrix.PROJECT), "RDSLOCAL_CACHE": str(cache_dir())}


@pytest.fixture(scope="module")
def engine() -> Iterator[dict[str, str]]:
    """Return the variables with which an engine that has the base image answers, for as long as the tests of this file run."""
    client = docker.engine()
    if client and subprocess.run([client, "image", "inspect", TARGET.base_image], capture_output=True, check=False).returncode == 0:
        yield environment()
        return
    # The engine lives as long as its command, which prints its variables and then waits for the end of its input.
    program = "import json, os, sys; print(json.dumps(dict(os.environ)), flush=True); sys.stdin.read()"
    command = [str(ENGINE), HERE, sys.executable, "-c", program]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdin
        assert process.stdout
        printed = process.stdout.readline()
        if not printed:
            status = process.wait()
            errors.seek(0)
            said = errors.read().strip()
            if status == 3:
                missing(f"no Docker engine can be had here: {said.splitlines()[-1]}")
            pytest.fail(f"{ENGINE.name} ended with {status}: {said}")
        try:
            yield json.loads(printed)
        finally:
            process.stdin.close()
            process.wait()
            process.stdout.close()


def test_docker_and_pip_give_the_same_bytes(engine: dict[str, str], layer_of: LayerOf, tmp_path: Path) -> None:
    result = subprocess.run(build(tmp_path, "--docker"), cwd=tmp_path, env=engine, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    paths = {"docker": tmp_path / f"{TARGET.name}.zip", "pip": layer_of(TARGET.architecture)}
    made = {kind: json.loads(path.with_suffix(".json").read_text()) for kind, path in paths.items()}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths["pip"].parent.iterdir())
    zips = {kind: read(path, TARGET) for kind, path in paths.items()}
    assert zips["docker"].files.keys() == zips["pip"].files.keys()
    same = made["docker"]["bytecode"] == made["pip"]["bytecode"]
    differing = {path for path, data in zips["docker"].files.items() if data != zips["pip"].files[path]}
    # Another patch release may compile differently, which is why the manifest names it.
    assert {path for path in differing if not path.endswith(".pyc")} == set()
    assert not same or zips["docker"].zipped == zips["pip"].zipped
    definition = json.loads((tmp_path / f"{TARGET.name}.provenance.json").read_text())["predicate"]["buildDefinition"]
    assert definition["internalParameters"]["way"] == "docker"
    interpreter = next(entry for entry in definition["resolvedDependencies"] if entry["name"] == "interpreter")
    assert interpreter["annotations"]["image"].startswith(TARGET.base_image)


def test_the_images_python_compiles_again_what_it_compiled(engine: dict[str, str], tmp_path: Path) -> None:
    made = subprocess.run(build(tmp_path, "--docker"), cwd=tmp_path, env=engine, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    zipped = str(tmp_path / f"{TARGET.name}.zip")
    statement = json.loads((tmp_path / f"{TARGET.name}.provenance.json").read_text())
    base = statement["predicate"]["buildDefinition"]["externalParameters"]["base"]
    command = [sys.executable, "-m", "layer", "inspect", "--base", base, "--json", zipped]
    inspected = subprocess.run(command, cwd=tmp_path, env=engine, capture_output=True, text=True, check=False)
    assert inspected.returncode == 0, inspected.stdout + inspected.stderr
    assert json.loads(inspected.stdout)["findings"] == []
    command = [sys.executable, "-m", "layer", "verify", "--base", base, zipped]
    verified = subprocess.run(command, cwd=tmp_path, env=engine, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout) == (0, f"{zipped}: the same bytes\n"), verified.stderr


def test_a_base_that_cannot_be_had_is_reported_in_a_line(engine: dict[str, str], tmp_path: Path) -> None:
    # Port 9 of this machine is nobody's registry.
    command = build(tmp_path / "dist", "--docker", "--base", "127.0.0.1:9/lambda/python:none")
    result = subprocess.run(command, cwd=tmp_path, env=engine, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert f"docker could not build {TARGET.name}" in result.stderr
    assert "--no-docker builds it with pip" in result.stderr
    assert not list(tmp_path.glob("dist/*"))
