"""Assemble a layer from wheels and rdspool. Needs only the standard library and pip, so it also runs in Lambda's image.

python -m layer.building.assemble --python 3.13 --architecture x86_64 --cache ~/.cache/rdspool --output dist
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import matrix
from ..errors import LayerError
from ..matrix import Target
from . import archive, bytecode, extension, licences, manifest, package, wheels
from .imports import archives
from .strip import is_elf, strip

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Layer:
    """A built layer: the path of its zip, and the path and content of its manifest."""

    path: Path
    manifest_path: Path
    manifest: dict[str, Any]


def assemble(target: Target, interpreter: Path, cache: Path, output: Path, progress: Progress) -> Layer:
    """Build one layer into the folder `output` and return it.

    `interpreter` compiles the sources and must have the target's minor version. Raise LayerError when a part is missing or a budget
    of layer/matrix.toml is exceeded; nothing is written to `output` then.
    """
    compiler = bytecode.identify(interpreter, target.python)
    found, tools = fetch(target, cache, progress)
    files = make(target, compiler, found, tools, cache, progress)
    progress("compressing")
    zipped = archive.pack(files, tools)
    described = manifest.describe(target, zipped, files, found, compiler)
    _check_budget(target, described)
    output.mkdir(parents=True, exist_ok=True)
    path, manifest_path = output / f"{target.name}.zip", output / f"{target.name}.json"
    replace(path, zipped)
    replace(manifest_path, (json.dumps(described, indent=2) + "\n").encode())
    return Layer(path, manifest_path, described)


def fetch(target: Target, cache: Path, progress: Progress) -> tuple[list[wheels.Wheel], Path]:
    """Return the wheels of a layer and the folder of the tools that build it. Raise LayerError when they can't be downloaded."""
    progress("downloading wheels")
    return wheels.fetch(target, cache), wheels.install_tools(cache)


def make(
    target: Target, compiler: bytecode.Interpreter | None, found: list[wheels.Wheel], tools: Path, cache: Path, progress: Progress
) -> dict[str, bytes]:
    """Return the files of a layer by their path in the zip: exactly what the wheels, this tree and the compiler give.

    Without a compiler they have no bytecode and no archives. Raise LayerError when a part is missing.
    """
    progress("unpacking")
    files, uncompiled = _contents(found, target)
    progress("compiling")
    files |= extension.build(target.architecture, tools, cache)
    if compiler:
        made = archives.build(compiler, files, uncompiled)
        files |= bytecode.compile_all(compiler, made.compiled) | made.files
    return {f"python/{path}": data for path, data in files.items()}


def contents(target: Target, cache: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return a layer's files without bytecode, and the sources of its extension modules. Raise LayerError when a wheel is missing."""
    return _contents(wheels.fetch(target, cache), target)


def _contents(found: list[wheels.Wheel], target: Target) -> tuple[dict[str, bytes], dict[str, bytes]]:
    files = package.files() | package.dist_info(licences.notice(found), target)
    for wheel in found:
        files |= _unpack(wheel)
    return files, dict(pair for wheel in found for pair in _uncompiled(wheel))


def _unpack(wheel: wheels.Wheel) -> dict[str, bytes]:
    files = {}
    with zipfile.ZipFile(wheel.path) as archive:
        for name in archive.namelist():
            # Lambda does not use a wheel's scripts, headers and data.
            if name.endswith("/") or ".data/" in name or matrix.pruned(name):
                continue
            data = archive.read(name)
            files[name] = strip(data, name) if is_elf(data) else data
    return files


def _uncompiled(wheel: wheels.Wheel) -> Iterator[tuple[str, bytes]]:
    """Yield the sources of extension modules. The interpreter that compiles can be for another architecture than they."""
    with zipfile.ZipFile(wheel.path) as archive:
        yield from ((name, archive.read(name)) for name in archive.namelist() if name.endswith("_cy.py"))


def _check_budget(target: Target, described: dict[str, Any]) -> None:
    for kind, limit in (("zipped", target.budget.zipped), ("unzipped", target.budget.unzipped)):
        size = described[f"{kind}_bytes"]
        if size > limit:
            raise LayerError(
                f"{target.name} is {size:,} bytes {kind}, over its budget of {limit:,}: prune it or raise the budget in layer/matrix.toml"
            )


def replace(path: Path, data: bytes) -> None:
    """Write a file atomically: a reader sees the old content or the whole new content."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(part).chmod(0o644)
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink()
        raise


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m layer.building.assemble", description="Build one layer, with the interpreter that runs this."
    )
    parser.add_argument("--python", default=".".join(map(str, sys.version_info[:2])))
    parser.add_argument("--architecture", default=matrix.default("architecture"))
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    try:
        target = matrix.target(given.python, matrix.of_machine(given.architecture))
        layer = assemble(target, Path(sys.executable), given.cache, given.output, lambda step: _say(f"{target.name}: {step}"))
    except LayerError as error:
        _say(f"layer: {error}")
        return 1
    sys.stdout.write(f"{layer.path}\n")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
