"""Say in one line which package a command misses, and what installs it. Needs the standard library only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROJECT = Path(__file__).resolve().parent.parent
_OWN = frozenset({"layer", "local", "rdspool"})


@contextmanager
def explained(module: str) -> Iterator[None]:
    """Turn the absence of a package into the end of the process, with status 1 and one line. `module` is what `python -m` runs."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _OWN:
            raise
        sys.exit(
            f"{module}: {sys.executable} has no package {error.name}: run bash -c '. {_PROJECT}/local/setup.sh; setup_venv',"
            f" then {_PROJECT}/.venv/bin/python -m {module}"
        )
