"""Check the form of the zip: its paths and modes, that nothing lies between its files, and that no path is one of the build machine."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from .. import matrix
from ..building import archive
from .finding import ROOT, SIGNER_FILE, Contents, Finding


def structure(contents: Contents) -> Iterator[Finding]:
    if contents.form:
        yield Finding("structure", contents.path.name, contents.form)
    if contents.signed:
        yield Finding("structure", SIGNER_FILE, "says that AWS Signer wrote the zip: the form of the zip was not compared", note=True)
    for path in contents.repeated:
        yield Finding("structure", path, "is in the zip twice: it is undefined which of them Lambda uses")
    by_case: dict[str, list[str]] = defaultdict(list)
    for path, mode in contents.modes.items():
        if path == SIGNER_FILE or (contents.signed and path == f"{SIGNER_FILE.partition('/')[0]}/"):
            continue
        by_case[path.casefold()].append(path)
        if not path.startswith(ROOT):
            yield Finding("structure", path, f"is outside {ROOT}, so Python does not find it at /opt/python")
        elif not _plain(path):
            yield Finding("structure", path, "is not a plain path of a file: unpackers disagree where it belongs")
        if mode != archive.mode(path):
            yield Finding("structure", path, f"has the mode {mode:o}; the build gives it {archive.mode(path):o}")
    for same in by_case.values():
        if len(same) > 1:
            yield Finding("structure", same[1], f"differs from {same[0]} by case only")


def _plain(path: str) -> bool:
    return path.isprintable() and "\\" not in path and not {"", ".", ".."} & set(path.split("/"))


def builder(contents: Contents) -> Iterator[Finding]:
    """Search the files for paths of this machine: the project, the home folder's caches, temporary folders."""
    home = str(Path.home())
    places = {str(matrix.PROJECT), f"{home}/.cache", f"{home}/.pyenv", str(Path(tempfile.gettempdir(), tempfile.gettempprefix()))}
    for path, data in contents.files.items():
        for place in places:
            if place.encode() in data:
                yield Finding("builder", path, f"contains {place}, a path of the machine that built it")
