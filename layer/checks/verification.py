"""Verify a zip: build the layer again and compare file by file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ..building.assemble import assemble
from ..building.imports.archives import FOLDER
from ..matrix import Target
from .finding import ROOT, SIGNER_FILE, Contents, read


class Verdict(Enum):
    """The result of the comparison."""

    SAME = "the same bytes"
    REPACKED = "the same files, packed by another compressor"
    UNPROVED = "not proved: its bytecode is not what this CPython compiles, and another patch release is named for it"
    SIGNED = "the same files, plus the signature of AWS Signer"
    DIFFERENT = "not what this tree builds"


@dataclass(frozen=True)
class Verification:
    """The verdict; how each differing file differs, by path; the interpreters of the given zip (None if unknown) and of the rebuilt one."""

    verdict: Verdict
    differences: dict[str, str]
    theirs: str | None
    ours: str


def verify(path: Path, target: Target, interpreter: Path, cache: Path, theirs: str | None, progress: Callable[[str], None]) -> Verification:
    """Build `target` again and compare. `theirs` is the interpreter that the manifest of the zip names, if there is one."""
    with tempfile.TemporaryDirectory() as folder:
        built = assemble(target, interpreter, cache, Path(folder), progress)
        ours = built.manifest["bytecode"]["interpreter"]
        return compare(read(path, target), read(built.path, target), theirs, ours)


def compare(given: Contents, rebuilt: Contents, theirs: str | None, ours: str) -> Verification:
    """Compare a zip with the rebuilt one. `theirs` and `ours` are the interpreters that compiled them."""
    differences = {}
    for path in sorted(given.files.keys() | rebuilt.files.keys()):
        if path not in rebuilt.files:
            differences[path] = "is in the zip, not in this tree's layer"
        elif path not in given.files:
            differences[path] = "is missing from the zip"
        elif given.files[path] != rebuilt.files[path]:
            differences[path] = "has other bytes"
        elif given.modes[path] != rebuilt.modes[path]:
            differences[path] = f"has the mode {given.modes[path]:o}, not {rebuilt.modes[path]:o}"
    differences |= dict.fromkeys(given.repeated, "is in the zip twice")
    if given.form:
        differences[given.path.name] = given.form
    return Verification(_verdict(given, rebuilt, differences, theirs, ours), differences, theirs, ours)


def _verdict(given: Contents, rebuilt: Contents, differences: dict[str, str], theirs: str | None, ours: str) -> Verdict:
    if given.zipped == rebuilt.zipped:
        return Verdict.SAME
    if not differences:
        return Verdict.REPACKED
    if differences.keys() == {SIGNER_FILE}:
        return Verdict.SIGNED
    bytecode_only = all(_is_bytecode(path) and how == "has other bytes" for path, how in differences.items())
    return Verdict.UNPROVED if bytecode_only and theirs not in (None, ours) else Verdict.DIFFERENT


def _is_bytecode(path: str) -> bool:
    return path.endswith(".pyc") or (path.startswith(f"{ROOT}{FOLDER}/") and not path.endswith(".py"))
