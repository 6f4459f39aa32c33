"""Compile the part of rdspool that is in C, with the compiler of layer/tools.txt: the same bytes on every machine.

One file serves every Python of layer/matrix.toml, because it uses CPython's stable ABI only.

python -m layer.building.extension --cache ~/.cache/rdspool      # for this machine, into python/rdspool, as development and tests use it
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .. import matrix
from ..errors import LayerError
from .strip import strip
from .wheels import install_tools

FOLDER = "rdspool/_driver"
SOURCES = ("_compiled.c", "_compiled_exchange.c", "_compiled_fill.c", "_compiled_rows.c", "_compiled.h", "stable_abi.h")
PATH = f"{FOLDER}/_compiled.abi3.so"
"""The compiled file inside the layer's python/ folder."""
_COMPILED = tuple(name for name in SOURCES if name.endswith(".c"))

_OPTIONS = ("-std=c17", "-O2", "-fPIC", "-shared", "-s", "-fvisibility=hidden", "-mcpu=baseline", "-Wall", "-Wextra", "-Werror")


def build(architecture: str, tools: Path, cache: Path, source: Path = matrix.PROJECT / "python") -> dict[str, bytes]:
    """Return the compiled file by its path inside the layer's python/ folder. Raise LayerError when it can't be compiled.

    `tools` is the folder of the compiler (see wheels.install_tools). What it makes of its own files for a target, such as glibc's
    symbols, stays in the cache; what it makes of `source` does not.
    """
    target = f"{matrix.target(matrix.default('python'), architecture).machine}-linux-gnu.{matrix.runtime_symbols()['GLIBC']}"
    with tempfile.TemporaryDirectory() as folder:
        # Under names that are the same everywhere: a path could reach the compiled file.
        for name in SOURCES:
            Path(folder, name).write_bytes((source / FOLDER / name).read_bytes())
        made = Path(folder, "made.so")
        _run([str(tools / "ziglang" / "zig"), "cc", "-target", target, *_OPTIONS, *_COMPILED, "-o", made.name], Path(folder), cache)
        return {PATH: strip(made.read_bytes(), PATH)}


def _run(command: list[str], folder: Path, cache: Path) -> None:
    # Without the user's environment, whose CPATH and the like would reach the compiler.
    environment = {"PATH": os.defpath, "ZIG_GLOBAL_CACHE_DIR": str(cache.absolute() / "zig"), "ZIG_LOCAL_CACHE_DIR": str(folder / "zig")}
    try:
        result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    except OSError as error:
        raise LayerError(f"{command[0]} cannot be run: {error.strerror}; remove that folder of the cache and build again") from error
    if result.returncode:
        reasons = [line for line in result.stderr.splitlines() if "error:" in line] or result.stderr.strip().splitlines()[-1:]
        raise LayerError(f"the compiler refuses {', '.join(_COMPILED)}: {' '.join(reasons[:3]) or 'no reason given'}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m layer.building.extension", description="Compile rdspool's part in C into this tree.")
    parser.add_argument("--cache", type=Path, required=True)
    cache = parser.parse_args().cache
    try:
        made = build(matrix.of_machine(os.uname().machine), install_tools(cache), cache)
    except LayerError as error:
        sys.stderr.write(f"layer: {error}\n")
        return 1
    for path, data in made.items():
        place = matrix.PROJECT / "python" / path
        part = place.with_suffix(f".{os.getpid()}")
        part.write_bytes(data)
        part.replace(place)  # a process that has loaded the old one keeps it
    return 0


if __name__ == "__main__":
    sys.exit(main())
