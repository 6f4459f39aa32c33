"""A change that the build makes to the code of a package before it is compiled. The sources in the layer stay as published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ...errors import LayerError


def _helper(name: str) -> str:
    return f'__import__("rdspool_imports.{name}").{name}'


LATER, MADE, DATACLASS, ANNOTATED, FUNCTIONS = map(_helper, ("later", "made", "dataclass", "annotated", "functions"))
"""Modules of python/rdspool_imports, as expressions that leave no name in the changed module."""


@dataclass(frozen=True)
class Edit:
    """Replaces a text that occurs once in a file. Both texts have the same number of lines, so that tracebacks name the right ones."""

    file: str
    old: str
    new: str


class Step(Enum):
    """What the build does when it writes the archives, beside edits."""

    NO_DOCSTRINGS = "leave out docstrings"
    MERGED_IMPORTS = "make one statement of those that import names of the same module one after the other"
    EVALUATED = "compile the texts that typing and collections compile"
    SHARED = "make equal constants one object"


@dataclass(frozen=True)
class Transform:
    """Edits that belong together, or a step of the build, with the edits that it needs.

    saves: about how much CPU of imports and engine, in ms of 4 million instructions, when it was measured last; `python -m layer imports`
    measures what it saves now. saves_memory: the same of resident memory, in MiB, where that is the reason. later: a file, and the names that
    it binds when they are asked for.
    """

    name: str
    why: str
    saves: float
    edits: tuple[Edit, ...] = ()
    step: Step | None = None
    saves_memory: float = 0
    later: tuple[str, tuple[str, ...]] = ("", ())


def module(file: str, name: str, statement: str = "", alias: str = "") -> Edit:
    """Return the edit that imports a module when it is first used. `statement` is the import statement, by default `import NAME`."""
    given = f'"{name}", "{alias}"' if alias else f'"{name}"'
    old = statement or f"import {name}"
    return Edit(file, f"\n{old}\n", f"\n{alias or name} = {LATER}.module(globals(), {given})\n")


def unchanged(file: str) -> Edit:
    """Return an edit that leaves the file as it is, which still counts as changed."""
    statement = "\nfrom __future__ import annotations\n"
    return Edit(file, statement, statement)


def functions(file: str, origin: str, names: str) -> tuple[Edit, ...]:
    """Return the edits that import functions of the module `origin` when they are first called."""
    return tuple(
        Edit(file, f"\nfrom {origin} import {name}\n", f'\n{name} = {LATER}.function(globals(), "{name}", "{origin}")\n')
        for name in names.split()
    )


def lines_of_functions(file: str, origin: str, names: Sequence[str]) -> Edit:
    """Return the edit that does the same with functions that are imported in a line each."""
    old = f"\nfrom {origin} import (\n" + "".join(f"    {name},\n" for name in names) + ")\n"
    new = "\n\n" + "".join(f'{name} = {LATER}.function(globals(), "{name}", "{origin}")\n' for name in names) + "\n"
    return Edit(file, old, new)


def apply(files: Mapping[str, bytes], transforms: Iterable[Transform]) -> dict[str, bytes]:
    """Return the files that the transforms change, changed. Raise LayerError when a file does not have the text that an edit expects."""
    changed: dict[str, bytes] = {}
    for transform in transforms:
        for edit in transform.edits:
            source = changed.get(edit.file, files.get(edit.file))
            if source is None:
                raise LayerError(
                    f"the transform {transform.name!r} changes {edit.file}, which no wheel has: adapt layer/building/imports/transforms"
                )
            found = source.count(edit.old.encode())
            if found != 1:
                raise LayerError(
                    f"the transform {transform.name!r} expects {edit.old.strip()!r} once in {edit.file}, which has it {found} times: "
                    "adapt it to this version in layer/building/imports/transforms, or remove it"
                )
            if edit.old.count("\n") != edit.new.count("\n"):
                raise LayerError(f"the transform {transform.name!r} changes the number of lines of {edit.file}: tracebacks would be wrong")
            changed[edit.file] = source.replace(edit.old.encode(), edit.new.encode())
    return changed
