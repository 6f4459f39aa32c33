"""Build a layer in Lambda's image with the Dockerfile."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from .. import matrix
from ..errors import LayerError
from ..matrix import Target
from . import bytecode, source
from .assemble import Layer, Progress

PASSED_ON = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")
"""The variables of pip that the Dockerfile takes as arguments."""


@cache
def engine() -> str | None:
    """Return the path of a docker client that has BuildKit and whose engine answers, or None."""
    seen = set()
    for folder in os.get_exec_path():
        client = shutil.which("docker", path=folder)
        if client and os.path.realpath(client) not in seen:
            seen.add(os.path.realpath(client))
            if "--output" in _ask(client, "build", "--help") and _ask(client, "version", "--format", "{{.Server.Version}}"):
                return client
    return None


def why_none() -> str:
    """Return one line that says what is missing when engine() is None, and what to do."""
    if not shutil.which("docker"):
        return "docker is not on the PATH: install Docker (apt install docker.io), or build with --no-docker"
    where = os.environ.get("DOCKER_HOST", "the default socket")
    return f"no Docker engine with BuildKit answers at {where}: start it (and check that you may use it), or build with --no-docker"


def build(client: str, target: Target, output: Path, progress: Progress, base: str | None = None) -> Layer:
    """Build one layer into the folder `output` and return it. `base` replaces the base image of layer/matrix.toml."""
    arguments = {
        "BASE": base or target.base_image,
        "ARCHITECTURE": target.architecture,
        "PYTHON_VERSION": target.python,
    }
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as context:
        copy_inputs(matrix.PROJECT, Path(context))
        command = [client, "build", "--progress", "plain", "--output", f"type=local,dest={made}"]
        for name, value in arguments.items():
            command += ["--build-arg", f"{name}={value}"]
        for name in PASSED_ON:
            # Only the name: the address of an index may contain a password, and other users can read command lines.
            command += ["--build-arg", name] if name in os.environ else []
        if not _ask(client, "network", "inspect", "bridge", "--format", "{{.Name}}"):
            command += ["--network", "host"]
        _run([*command, context], target, progress)
        output.mkdir(parents=True, exist_ok=True)
        for suffix in (".zip", ".json"):
            shutil.copyfile(Path(made, target.name + suffix), output / f".{target.name}{suffix}.part")
            (output / f".{target.name}{suffix}.part").replace(output / f"{target.name}{suffix}")
    manifest = output / f"{target.name}.json"
    return Layer(output / f"{target.name}.zip", manifest, json.loads(manifest.read_text()))


def copy_inputs(project: Path, folder: Path) -> None:
    """Copy what a layer is built from to `folder`: only what git tracks, if the project is a repository, as without Docker."""
    known = source.tracked(project)
    found = (each for name in source.INPUTS for each in (project / name, *(project / name).rglob("*")) if each.is_file())
    for path in (each.relative_to(project) for each in found):
        if known is None or path.as_posix() in known:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(project / path, folder / path)


@contextmanager
def compiler(image: str | None, otherwise: Path | None) -> Iterator[Path | None]:
    """Yield a program that runs the Python of an image with its arguments, as an interpreter for bytecode; `otherwise` if `image` is None.

    Raise LayerError when no engine answers.
    """
    if image is None:
        yield otherwise
        return
    if otherwise:
        raise LayerError("--base and --interpreter both name the CPython that compiles: give one of them")
    client = engine()
    if not client:
        raise LayerError(why_none())
    # The scripts of layer/, and the folders that the build gives to them.
    shared = [
        f"--volume={matrix.PROJECT / 'layer'}:{matrix.PROJECT / 'layer'}:ro",
        f"--volume={tempfile.gettempdir()}:{tempfile.gettempdir()}",
    ]
    passed = [f"--env={name}" for name in bytecode.VARIABLES]
    run = [client, "run", "--rm", "--interactive", "--network=none", f"--user={os.getuid()}:{os.getgid()}", *shared, *passed]
    settings = [f"export {name}={shlex.quote(value)}" for name, value in os.environ.items() if name.startswith("DOCKER_")]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "python")
        program.write_text("\n".join(["#!/bin/sh", *settings, f'exec {shlex.join([*run, "--entrypoint=python3", image])} "$@"', ""]))
        program.chmod(0o755)
        yield program


def pinned(client: str, image: str) -> str:
    """Return `image` with the digest that the engine knows for it, or `image` unchanged when it knows none."""
    if "@" in image:
        return image
    name = image.rpartition(":")[0] or image
    known = _ask(client, "image", "inspect", image, "--format", '{{join .RepoDigests " "}}').split()
    return next((f"{image}@{digest.partition('@')[2]}" for digest in known if digest.startswith(f"{name}@")), image)


def _run(command: list[str], target: Target, progress: Progress) -> None:
    last: deque[str] = deque(maxlen=15)
    environment = os.environ | {"DOCKER_BUILDKIT": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            if line.strip():
                last.append(line.rstrip())
                progress(f"docker: {line.strip()[:100]}")
    if process.returncode:
        errors = [line for line in last if "ERROR" in line or "layer:" in line] or list(last)[-1:]
        raise LayerError(f"docker could not build {target.name}: {' '.join(errors)}; --no-docker builds it with pip")


def _ask(client: str, *arguments: str) -> str:
    environment = os.environ | {"DOCKER_BUILDKIT": "1"}
    try:
        result = subprocess.run([client, *arguments], env=environment, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
