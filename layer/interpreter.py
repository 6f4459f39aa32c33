"""Where the interpreter that makes a layer's bytecode comes from: local/python.sh, which also fetches Debian's."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from . import matrix
from .errors import LayerError

_FINDER = matrix.PROJECT / "local" / "python.sh"


def find(python: str, progress: Callable[[str], None]) -> Path:
    """Returns a working CPython of the minor version, or raises LayerError that says why there is none and what to do.

    `progress` is told each line that the search says, since it may fetch an interpreter.
    """
    said = []
    with subprocess.Popen([str(_FINDER), python], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr or ():
            said.append(line.strip())
            progress(line.strip())
        found = process.stdout.read().strip() if process.stdout else ""
    if process.returncode:
        reason = "; ".join(line.removeprefix("python.sh: ") for line in said[-2:]) or f"{_FINDER.name} found none"
        raise LayerError(f"python{python} layers cannot be built here without Docker: {reason}")
    return Path(found)


def preferred() -> str:
    """Returns the minor version to build when none is asked for: the matrix's default, else the newest that this machine has."""
    default = matrix.default("python")
    for python in [default, *sorted(set(matrix.names("python")) - {default}, key=_number, reverse=True)]:
        if not subprocess.run([str(_FINDER), "--no-fetch", python], capture_output=True).returncode:
            return python
    return default


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
