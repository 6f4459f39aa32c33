"""Compile a layer's sources to unchecked-hash bytecode, with an interpreter of the target's minor version.

/opt is read-only, so Python would compile a source without bytecode at every cold start. The bytecode must be unchecked-hash,
because Python compares other bytecode with the modification time of its source, and the zip does not preserve that.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import LayerError

PREFIX = "/opt/python"
"""Where Lambda mounts the python/ folder of a layer. Paths in tracebacks start with it."""

VARIABLES = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C"}
"""The environment of an interpreter that compiles, besides where it finds its libraries."""

_COMPILER = Path(__file__).with_name("compiler.py")


@dataclass(frozen=True)
class Interpreter:
    """A working interpreter. `tag` is the part of its bytecode file names such as cpython-313, `magic` their magic number in hexadecimal."""

    path: Path
    version: str
    tag: str
    magic: str

    @property
    def minor(self) -> str:
        """Its minor version, such as 3.13."""
        return ".".join(self.version.split(".")[:2])


def identify(path: Path, python: str) -> Interpreter:
    """Return the interpreter at `path`. Raise LayerError when it is not a CPython of the minor version `python`."""
    facts = _run(path, [])
    if facts["implementation"] != "CPython" or not facts["gil"] or not facts["version"].startswith(f"{python}."):
        kind = f"{facts['implementation']} {facts['version']}{'' if facts['gil'] else ' without the GIL'}"
        raise LayerError(f"{path} is {kind}: bytecode for Lambda's python{python} needs a standard CPython {python}")
    return Interpreter(path, facts["version"], facts["tag"], facts["magic"])


def compile_all(interpreter: Interpreter, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return a bytecode file for each source in `files`. Keys are paths inside python/."""
    sources = sorted(path for path in files if path.endswith(".py"))
    made = {path: bytecode_path(path, interpreter.tag) for path in sources}
    with tempfile.TemporaryDirectory() as folder:
        tasks = []
        for number, path in enumerate(sources):
            source, compiled = Path(folder, f"{number}.py"), Path(folder, f"{number}.pyc")
            source.write_bytes(files[path])
            tasks.append((str(source), str(compiled), f"{PREFIX}/{path}"))
        _run(interpreter.path, tasks)
        return {made[path]: Path(compiled).read_bytes() for path, (_, compiled, _) in zip(sources, tasks, strict=True)}


def bytecode_path(path: str, tag: str) -> str:
    """Return where Python looks for the bytecode of a source."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name[:-3]}.{tag}.pyc".removeprefix("/")


def _run(interpreter: Path, tasks: list[tuple[str, str, str]]) -> dict[str, str]:
    answer: dict[str, str] = json.loads(run(interpreter, _COMPILER, json.dumps(tasks).encode()))
    return answer


def run(interpreter: Path, script: Path, given: bytes, *arguments: str) -> bytes:
    """Run a script with the interpreter, in an environment of its own, and return its output. Raise LayerError when it fails."""
    # The strings that a process has interned affect the bytecode that it writes, so the user's environment must not reach it.
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    command = [str(interpreter), "-S", "-s", "-P", str(script), *arguments]
    try:
        result = subprocess.run(command, input=given, env=kept | VARIABLES, capture_output=True, cwd="/")
    except OSError as error:
        raise LayerError(f"{interpreter} cannot be run: {error.strerror}; name a CPython with --interpreter") from error
    if result.returncode:
        reason = (result.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
        raise LayerError(f"{interpreter} could not compile the layer's sources: {script.name}: {reason}")
    return result.stdout
