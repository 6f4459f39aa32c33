"""The bytecode of a layer: unchecked-hash files, made by an interpreter of the target's minor version.

/opt is read-only, so what is not compiled here is compiled at every cold start; and a file's time does not survive the
zip, so only a file that is never checked against its source stays valid.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import LayerError

PREFIX = "/opt/python"
"""Where Lambda puts a layer's python/ folder: the paths in tracebacks start with it."""

_COMPILER = Path(__file__).with_name("compiler.py")


@dataclass(frozen=True)
class Interpreter:
    """An interpreter that was run and said what it is. `tag` is that of bytecode files, such as cpython-313."""

    path: Path
    version: str
    tag: str
    magic: str

    @property
    def minor(self) -> str:
        """Its minor version, such as 3.13."""
        return ".".join(self.version.split(".")[:2])


def identify(path: Path, python: str) -> Interpreter:
    """Returns what `path` is, or raises LayerError when it is no CPython of the minor version `python`."""
    said = _run(path, [])
    if said["implementation"] != "CPython" or not said["gil"] or not said["version"].startswith(f"{python}."):
        kind = f"{said['implementation']} {said['version']}{'' if said['gil'] else ' without the GIL'}"
        raise LayerError(f"{path} is {kind}: bytecode for Lambda's python{python} needs a usual CPython {python}")
    return Interpreter(path, said["version"], said["tag"], said["magic"])


def compile_all(interpreter: Interpreter, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Returns the bytecode files for every source among `files`, all by their path inside python/."""
    sources = sorted(path for path in files if path.endswith(".py"))
    made = {path: _bytecode_path(path, interpreter.tag) for path in sources}
    with tempfile.TemporaryDirectory() as folder:
        tasks = []
        for number, path in enumerate(sources):
            source, compiled = Path(folder, f"{number}.py"), Path(folder, f"{number}.pyc")
            source.write_bytes(files[path])
            tasks.append((str(source), str(compiled), f"{PREFIX}/{path}"))
        _run(interpreter.path, tasks)
        return {made[path]: Path(compiled).read_bytes() for path, (_, compiled, _) in zip(sources, tasks, strict=True)}


def _bytecode_path(path: str, tag: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name[:-3]}.{tag}.pyc".removeprefix("/")


def _run(interpreter: Path, tasks: list[tuple[str, str, str]]) -> dict[str, str]:
    # Which strings a process shares shows in its bytecode, so nothing of the user's environment may reach it.
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    environment = kept | {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C"}
    command = [str(interpreter), "-S", "-s", "-P", str(_COMPILER)]
    try:
        result = subprocess.run(command, input=json.dumps(tasks), env=environment, capture_output=True, text=True, cwd="/")
    except OSError as error:
        raise LayerError(f"{interpreter} cannot be run: {error.strerror}; name a CPython with --interpreter") from error
    if result.returncode:
        said = (result.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise LayerError(f"{interpreter} could not compile the layer's sources: {said}")
    answer: dict[str, str] = json.loads(result.stdout)
    return answer
