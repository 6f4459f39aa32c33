"""Explains an installation that was not tested, or that can't work: other versions, or packages built for another Python.

A function's own packages, in /var/task, come before the layer's. And a layer can be attached to a function of another Python
version or architecture, which Lambda does not check.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Final

from ..version import __version__

TESTED: Final = {
    "SQLAlchemy": ((2, 0, 40), (2, 2)),
    "mysql-connector-python": ((9, 2), (27,)),
}
"""Per distribution, the lowest version that rdspool is tested with, and the first one that it is not. As in pyproject.toml."""
_VERSIONS: Final = {"SQLAlchemy": ("sqlalchemy", "__version__"), "mysql-connector-python": ("mysql.connector.version", "VERSION_TEXT")}
"""Per distribution, the module and its attribute that tell the version: importlib.metadata would cost a cold start 9 ms."""
_HERE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class UntestedVersionWarning(UserWarning):
    """The process imported a SQLAlchemy or a mysql-connector-python that rdspool is not tested with."""


def check_versions() -> None:
    """Warn, once, where an imported package is of a version that rdspool is not tested with. Imports nothing itself."""
    untested = [sentence for _, sentence in untested_packages()]
    if untested:
        warnings.warn(" ".join([*untested, _advice()]), UntestedVersionWarning, skip_file_prefixes=(_HERE,))


def explained(error: ImportError) -> ImportError:
    """Return an ImportError that says what to do, or `error` itself where its cause is another one than this module knows."""
    text = _built_for_another(error) or _of_another_version(error)
    return error if text is None else ImportError(text, name=error.name, path=error.path)


def untested_packages() -> Iterator[tuple[str, str]]:
    """Yield the top-level name of each imported package of an untested version, and a sentence about it."""
    for distribution, (lowest, end) in TESTED.items():
        name, attribute = _VERSIONS[distribution]
        module = sys.modules.get(name)
        if module is None:
            continue
        version = str(getattr(module, attribute, "of unknown version"))
        if not lowest <= _numbers(version) < end:
            folder = os.path.dirname(getattr(module, "__file__", None) or "an unknown file")
            sentence = (
                f"{distribution} {version} was imported from {folder}, and rdspool {__version__} in {_HERE} is tested with "
                f"{distribution} {_text(lowest)} and later, below {_text(end)}."
            )
            yield name.partition(".")[0], sentence


def _advice() -> str:
    return (
        "A function's own packages come before those of its layers: leave this one out of the function, so that the layer's is used, "
        "or pin it to a tested version."
    )


def _of_another_version(error: ImportError) -> str | None:
    package = (error.name or "").partition(".")[0]
    for name, sentence in untested_packages():
        if name == package:
            return f"{error}: {sentence} {_advice()}"
    return None


def _built_for_another(error: ImportError) -> str | None:
    """Say for which interpreter the package of the missing module was built, where that is why the module is missing."""
    if not isinstance(error, ModuleNotFoundError) or not error.name or "." not in error.name:
        return None
    # Imported here, where the function fails: a good start need not pay for it.
    from importlib.machinery import EXTENSION_SUFFIXES, PathFinder

    top, *inner, module = error.name.split(".")
    found = PathFinder.find_spec(top)
    for place in (found and found.submodule_search_locations) or ():
        folder = os.path.join(place, *inner)
        files = [name for name in _files(folder) if name.startswith(f"{module}.") and name.endswith(".so")]
        if files and not any(name.removeprefix(module) in EXTENSION_SUFFIXES for name in files):
            built = " and ".join(sorted(_built_for(name) for name in files))
            here = f"Python {_text(sys.version_info[:2])}, {_architecture(os.uname().machine)}"
            return (
                f"{error}: {top} in {place} was built for {built} ({', '.join(sorted(files))}), and this is {here}. "
                f"Attach the layer version for {here}; where pip installed {top}, install it for {here}."
            )
    return None


def _files(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _built_for(file: str) -> str:
    """Return the interpreter that an extension's file name tells: x.cpython-312-aarch64-linux-gnu.so is for Python 3.12, arm64."""
    tag = re.search(r"\.cpython-(\d)(\d+t?)-([^-.]+)", file)
    return f"Python {tag[1]}.{tag[2]}, {_architecture(tag[3])}" if tag else "another interpreter"


def _architecture(machine: str) -> str:
    """Return Lambda's name of an architecture, which is what a layer version is chosen by."""
    return {"aarch64": "arm64"}.get(machine, machine)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the release's numbers: 2, 1, 0 for 2.1.0b1. Empty, so below all others, where there are none."""
    release = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, release[0].split("."))) if release else ()


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
