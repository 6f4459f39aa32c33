"""Build the archives of a layer (see python/rdspool_imports)."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import bytecode
from ..bytecode import PREFIX, Interpreter
from .sharing import shared
from .transform import Step, Transform, apply
from .transforms import HOOKS, TRANSFORMS

FOLDER = "rdspool_imports"
"""The package of a layer that has the archives."""
ARCHIVES = ("base", "orm", "typing_extensions")
ORM = "sqlalchemy.orm"
_CENSUS, _WRITER = (Path(__file__).with_name(name) for name in ("census.py", "writer.py"))
_LEFT_TO_PYTHON = frozenset({"rdspool", "sqlalchemy", "mysql", FOLDER, f"{FOLDER}.finder"})
"""The packages themselves, of which Python finds out where they come from, and what is there before the archives are."""


@dataclass(frozen=True)
class Archives:
    """files: the archives by path inside python/. compiled: the sources for bytecode files, hooked or as published, by path."""

    files: dict[str, bytes]
    compiled: dict[str, bytes]


def build(
    interpreter: Interpreter,
    files: Mapping[str, bytes],
    uncompiled: Mapping[str, bytes],
    transforms: Collection[Transform] = TRANSFORMS,
    place: str = PREFIX,
) -> Archives:
    """Return the archives of a layer with `files`. `uncompiled` are the sources of its extension modules, to be imported in their place.

    `place` is the folder of the layer's packages, as tracebacks show it. Raise LayerError when a transform does not find what it expects.
    """
    changed = apply(files, transforms)
    sources = {path: data for path, data in files.items() if path.endswith(".py")}
    held = {
        archive: (_modules(found[0], sources | changed, changed, place), *found[1:])
        for archive, found in _census(interpreter, files, changed, uncompiled).items()
    }
    steps = {each.step for each in transforms}
    options = {step.name: step in steps for step in Step}
    later = {file: names for file, names in (each.later for each in transforms) if names}
    given = pickle.dumps((options, later, held), 4)
    written: dict[str, bytes] = pickle.loads(bytecode.run(interpreter.path, _WRITER, given))  # noqa: S301  this script's own answer
    replaced = {path for modules, *_ in held.values() for _, path, _, _, was_changed in modules if not was_changed}
    compiled = {path: data for path, data in sources.items() if path not in replaced} | hooked(files)
    if Step.SHARED in steps:
        written = {archive: shared(data) for archive, data in written.items()}
    return Archives({f"{FOLDER}/{archive}.{interpreter.tag}": data for archive, data in written.items()}, compiled)


def paths(tag: str) -> list[str]:
    """Return the paths of the archives inside python/. `tag` is that of the layer's Python, such as cpython-313."""
    return [f"{FOLDER}/{archive}.{tag}" for archive in ARCHIVES]


def hooked(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the sources whose bytecode differs from them by the hook that makes Python use the archives."""
    return apply(files, HOOKS)


def _census(
    interpreter: Interpreter, files: Mapping[str, bytes], changed: Mapping[str, bytes], uncompiled: Mapping[str, bytes]
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        for path, data in {**files, **changed, **uncompiled}.items():
            if not path.endswith(".so"):
                file = Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
        found: dict[str, Any] = pickle.loads(bytecode.run(interpreter.path, _CENSUS, b"", folder))  # noqa: S301  this script's own answer
    (base, *base_made), (orm, *orm_made) = found["base"], found["orm"]
    # The finder knows the archive by the name, so what else the ORM imports lies with the rest.
    base = [name for name in base if name != "typing_extensions"] + [name for name in orm if not name.startswith(ORM)]
    return {
        "base": (base, *base_made),
        "orm": ([name for name in orm if name.startswith(ORM)], *orm_made),
        "typing_extensions": (["typing_extensions"], {}, [], [], []),
    }


def _modules(
    names: list[str], sources: Mapping[str, bytes], changed: Mapping[str, bytes], place: str
) -> list[tuple[str, str, str, bytes, bool]]:
    made = []
    for name in names:
        stem = name.replace(".", "/")
        path = f"{stem}/__init__.py" if f"{stem}/__init__.py" in sources else f"{stem}.py"
        if path in sources and name not in _LEFT_TO_PYTHON:
            made.append((name, path, f"{place}/{path}", sources[path], path in changed))
    return made
