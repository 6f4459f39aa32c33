"""Check paths, modes, sizes, files that the build leaves out, and paths of the build machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from .. import matrix
from .finding import ROOT, SIGNER_FILE, Contents, Finding, is_regular


def structure(contents: Contents) -> Iterator[Finding]:
    for path in contents.repeated:
        yield Finding("structure", path, "is in the zip twice: it is undefined which of them Lambda uses")
    for path, mode in contents.modes.items():
        if path == SIGNER_FILE:
            continue
        if not path.startswith(ROOT) or ".." in path.split("/"):
            yield Finding("structure", path, f"is outside {ROOT}, so Python does not find it at /opt/python")
        if not is_regular(mode):
            yield Finding("structure", path, f"is not a regular file (mode {mode:o})")
        elif mode & 0o222:
            yield Finding("writable", path, f"is writable (mode {mode & 0o777:o}); files of a layer have mode 444, libraries 555")
        elif mode & 0o444 != 0o444:
            yield Finding(
                "structure", path, f"is not readable by everybody (mode {mode & 0o777:o}): Lambda runs functions as a separate user"
            )


def left_out(contents: Contents) -> Iterator[Finding]:
    for path in contents.inside:
        if why := matrix.pruned(path):
            yield Finding("pruned", path, f"is in the zip, but the build leaves it out: {why}")


def sizes(contents: Contents) -> Iterator[Finding]:
    budget = contents.target.budget
    for kind, size, limit in (("zipped", len(contents.zipped), budget.zipped), ("unzipped", contents.unzipped_bytes, budget.unzipped)):
        if size > limit:
            yield Finding("size", contents.path.name, f"is {size:,} bytes {kind}; the budget is {limit:,}")


def builder(contents: Contents) -> Iterator[Finding]:
    """Search the files for paths of this machine: the project, the home folder's caches, temporary folders."""
    home = str(Path.home())
    places = {str(matrix.PROJECT), f"{home}/.cache", f"{home}/.pyenv", str(Path(tempfile.gettempdir(), tempfile.gettempprefix()))}
    for path, data in contents.files.items():
        for place in places:
            if place.encode() in data:
                yield Finding("builder", path, f"contains {place}, a path of the machine that built it")
