"""Check the archives of compiled code: those of the target's Python, with the code that this tree makes of the sources in the zip."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

from .. import bytecode, interpreter
from ..errors import LayerError
from ..imports.archives import ARCHIVES, FOLDER, READER
from ..imports.transform import apply
from ..imports.transforms import TRANSFORMS
from .finding import Contents, Finding


def archives(contents: Contents) -> Iterator[Finding]:
    """Compile the modules of the archives again, if this machine has an interpreter of the target's version, and compare."""
    files = contents.inside
    expected = {_path(contents, archive) for archive in ARCHIVES}
    found = {path for path in files if path.startswith(f"{FOLDER}/") and not path.endswith((".py", ".pyc"))}
    for path in sorted(expected - found):
        yield Finding("archives", path, "is missing: every cold start would compile what it has")
    for path in sorted(found - expected):
        yield Finding("archives", path, f"is not an archive for Python {contents.target.python}")
    try:
        read = _read(contents)
    except LayerError as error:
        yield Finding("archives", FOLDER, str(error))
        return
    if read is None:
        yield Finding("archives", FOLDER, f"was not compared: this machine has no Python {contents.target.python}", note=True)
        return
    yield from (Finding("archives", path, message) for path, message in read[1])


def held(contents: Contents) -> set[str]:
    """Return the sources that the archives have as published; all sources if the archives can't be read, which `archives` reports."""
    try:
        read = _read(contents)
    except LayerError:
        read = None
    return set(contents.inside) if read is None else set(read[0])


_answers: dict[bytes, tuple[list[str], list[tuple[str, str]]]] = {}


def _read(contents: Contents) -> tuple[list[str], list[tuple[str, str]]] | None:
    python = interpreter.present(contents.target.python)
    if python is None:
        return None
    files = contents.inside
    changed = apply(files, TRANSFORMS)
    sources = {path: (data, False) for path, data in files.items() if path.endswith(".py")}
    sources |= {path: (data, True) for path, data in changed.items()}
    paths = [_path(contents, archive) for archive in ARCHIVES]
    given = pickle.dumps(({path: files[path] for path in paths if path in files}, sources), 4)
    if given not in _answers:
        _answers.clear()
        _answers[given] = pickle.loads(bytecode.run(python, READER, given))  # noqa: S301  this script's own answer
    return _answers[given]


def _path(contents: Contents, archive: str) -> str:
    return f"{FOLDER}/{archive}.cpython-{contents.target.python.replace('.', '')}"
