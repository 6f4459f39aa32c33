"""The build inside an image: the same bytes as without Docker when the interpreter is the same. Its images, for functions that are images.

The engine is the one that answers, if its image is there too, else one that tests/docker-engine.sh starts (root, on Debian).
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from absence import missing
from layers import HERE, LayerOf

from layer import matrix
from layer.building import docker
from layer.checks.finding import read
from layer.checks.trial import PROBE
from local.cache import cache_dir
from local.endpoint import Endpoint
from local.environment import parts
from local.environment.interpreter import interpreter

ENGINE = matrix.PROJECT / "tests" / "docker-engine.sh"
TARGET = matrix.target(HERE, "x86_64")
TMP = "/tmp"  # noqa: S108 - in the container, not on this machine


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


def run(engine: dict[str, str], *command: str | Path) -> bytes:
    # The client that the engine's variables lead to.
    client = shutil.which("docker", path=engine["PATH"])
    assert client
    done = subprocess.run([client, *map(str, command)], env=engine | {"DOCKER_BUILDKIT": "1"}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def image(engine: dict[str, str], architecture: str) -> str:
    """Build the image of a layer as layer/README.md says, and return its name."""
    platform = f"linux/{matrix.section('architecture')[architecture]['docker']}"
    name = f"rdspool-test:python{HERE}-{architecture}"
    passed = [option for variable in docker.PASSED_ON if variable in engine for option in ("--build-arg", variable)]
    options = ["--network", "host", "--build-arg", f"PYTHON_VERSION={HERE}", *passed]
    run(engine, "build", "--quiet", *options, "--target", "image", "--platform", platform, "--tag", name, matrix.PROJECT)
    assert run(engine, "image", "inspect", name, "--format", "{{.Os}}/{{.Architecture}}").decode().strip() == platform
    return name


def files(engine: dict[str, str], name: str) -> dict[str, tuple[bytes, int, int]]:
    """Return the content, the mode and the time of an image's files below /opt."""
    container = run(engine, "create", name, "none").decode().strip()
    try:
        with tarfile.open(fileobj=io.BytesIO(run(engine, "cp", f"{container}:/opt", "-"))) as tar:
            entries = [(entry, tar.extractfile(entry)) for entry in tar.getmembers()]
            return {entry.name.removeprefix("opt/"): (data.read(), entry.mode & 0o777, int(entry.mtime)) for entry, data in entries if data}
    finally:
        run(engine, "rm", container)


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


@pytest.mark.parametrize("architecture", matrix.names("architecture"))
def test_an_image_has_the_files_of_the_zip(engine: dict[str, str], layer_of: LayerOf, architecture: str) -> None:
    found = files(engine, image(engine, architecture))
    expected = read(layer_of(architecture), matrix.target(HERE, architecture)).files
    assert found.keys() == expected.keys()
    # Another patch release may compile differently: the test above looks at that.
    assert {path for path, (data, _, _) in found.items() if data != expected[path] and not path.endswith(".pyc")} == set()
    assert {mode for path, (_, mode, _) in found.items() if path.endswith(".so")} == {0o555}
    assert {mode for path, (_, mode, _) in found.items() if not path.endswith(".so")} == {0o444}
    assert {time for _, _, time in found.values()} == {315532800}


def test_a_function_that_is_an_image_copies_the_layer_and_signs_in(engine: dict[str, str], database: Endpoint, tmp_path: Path) -> None:
    # In Lambda's image the bootstrap puts /opt/python on sys.path. The stand-in has Lambda's runtime client alone, as images of others have.
    (tmp_path / "Dockerfile").write_text(
        f"FROM {TARGET.base_image}\nCOPY --from={image(engine, 'x86_64')} /opt /opt\nCOPY handler.py /var/task/\n"
        "ENV PYTHONPATH=/opt/python:/var/runtime\n"
    )
    shutil.copy(PROBE / "handler.py", tmp_path)
    name = f"rdspool-test:function-{HERE}"
    run(engine, "build", "--quiet", "--network", "host", "--tag", name, tmp_path)

    front = database.front
    front.reset()
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        port, runtime_port = one.getsockname()[1], other.getsockname()[1]
    variables = database.variables("/etc/test-ca.pem") | database.role() | {"AWS_LAMBDA_FUNCTION_TIMEOUT": "60"}
    options = ["--network", "host", "--add-host", f"{front.host}:{front.address}", "--user", "993:990", "--read-only", "--tmpfs", TMP]
    options += [option for key, value in variables.items() for option in ("--env", f"{key}={value}")]
    mounted = {
        front.ca_file: "/etc/test-ca.pem",
        parts.emulator(): "/usr/local/bin/aws-lambda-rie",
        parts.runtime(interpreter(HERE)): "/var/runtime",
    }
    options += [option for source, place in mounted.items() for option in ("--volume", f"{source}:{place}:ro")]
    command = [
        "aws-lambda-rie",
        "--runtime-interface-emulator-address",
        f"127.0.0.1:{port}",
        "--runtime-api-address",
        f"127.0.0.1:{runtime_port}",
    ]
    container = run(engine, "run", "--detach", *options, name, *command, f"python{HERE}", "-m", "awslambdaric", "handler.handler")
    container = container.decode().strip()
    try:
        result = invoke(port)
        assert "user" in result, (result, run(engine, "logs", container))
        assert result["user"].startswith("app@")
        assert result["package"] == "/opt/python/rdspool/__init__.py"
        assert result["compiled"] == []
    finally:
        run(engine, "rm", "--force", container)
    assert [connection.sign_in for connection in front.connections()] == ["iam"]


def invoke(port: int) -> dict[str, object]:
    address = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    for _ in range(200):
        try:
            with urllib.request.urlopen(address, data=b"{}", timeout=120) as answer:
                return json.loads(answer.read())
        except urllib.error.URLError:
            time.sleep(0.1)
    pytest.fail("the emulator does not listen")
