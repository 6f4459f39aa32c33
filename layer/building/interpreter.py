"""Find the interpreter that compiles a layer's sources, with local/python.sh, which can also download Debian's."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

from .. import matrix
from ..errors import LayerError

_FINDER = matrix.PROJECT / "local" / "python.sh"


def find(python: str, progress: Callable[[str], None]) -> Path:
    """Return a working CPython of the minor version `python`. Raise LayerError with the reason and the remedy when there is none.

    `progress` is called with each line of the script's output, because the script may download an interpreter.
    """
    lines = []
    with subprocess.Popen([str(_FINDER), python], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr or ():
            lines.append(line.strip())
            progress(line.strip())
        found = process.stdout.read().strip() if process.stdout else ""
    if process.returncode:
        reason = "; ".join(line.removeprefix("python.sh: ") for line in lines[-2:]) or f"{_FINDER.name} found none"
        raise LayerError(f"python{python} layers cannot be built here without Docker: {reason}")
    return Path(found)


@cache
def present(python: str) -> Path | None:
    """Return the CPython of the minor version `python` that this machine has; None when it has none. Download nothing."""
    found = subprocess.run([str(_FINDER), "--no-fetch", python], capture_output=True, text=True)
    return None if found.returncode else Path(found.stdout.strip())


def preferred() -> str:
    """Return the minor version to build by default: that of layer/matrix.toml if this machine has it, otherwise the newest that it has."""
    default = matrix.default("python")
    for python in [default, *sorted(set(matrix.names("python")) - {default}, key=_number, reverse=True)]:
        if present(python):
            return python
    return default


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
