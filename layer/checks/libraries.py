"""Check extension modules and shared libraries: the target's architecture and Python, and only symbols that the runtime has."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

from .. import matrix
from .finding import Contents, Finding

_NAMES = {62: "x86_64", 183: "arm64"}
_TAG = re.compile(r"\.cpython-(\d+)t?-")


@dataclass(frozen=True)
class _Library:
    machine: int
    needed: list[str] = field(default_factory=list)
    versions: dict[str, set[str]] = field(default_factory=dict)


def libraries(contents: Contents) -> Iterator[Finding]:
    found: dict[str, _Library] = {}
    for path, data in contents.inside.items():
        if not path.endswith(".so") and data[:4] != b"\x7fELF":
            continue
        try:
            found[path] = _read(data)
        except (ELFError, UnicodeDecodeError, ValueError) as error:
            yield Finding("architecture", path, f"is not a valid ELF file: {error}")
    for path, library in sorted(found.items()):
        yield from _for_target(contents, path, library)
        yield from _needs(path, library)


def _for_target(contents: Contents, path: str, library: _Library) -> Iterator[Finding]:
    target = contents.target
    if library.machine != target.elf_machine:
        name = _NAMES.get(library.machine, f"machine {library.machine}")
        yield Finding("architecture", path, f"is for {name}, this layer is for {target.architecture}")
    tag = _TAG.search(path)
    if tag and f"cp{tag[1]}" != target.abi:
        yield Finding("architecture", path, f"is for CPython {tag[1][0]}.{tag[1][1:]}, this layer is for {target.python}")


def _needs(path: str, library: _Library) -> Iterator[Finding]:
    newest = matrix.runtime_symbols()
    for name in library.needed:
        if name not in matrix.runtime_libraries():
            yield Finding("libraries", path, f"needs {name}, which the runtime does not have")
        for family, limit in newest.items():
            versions = sorted((v for v in library.versions.get(name, ()) if _family(v) == family), key=_number)
            if versions and _number(versions[-1]) > _number(limit):
                kind = "glibc" if family == "GLIBC" else "libraries"
                yield Finding(kind, path, f"needs {versions[-1]} of {name}; the runtime has {family}_{limit} at most")


def _read(data: bytes) -> _Library:
    elf = ELFFile(io.BytesIO(data))
    library = _Library(int.from_bytes(data[18:20], "little" if elf.little_endian else "big"))
    for section in elf.iter_sections():
        if isinstance(section, DynamicSection):
            for tag in section.iter_tags():
                if tag.entry.d_tag == "DT_NEEDED":
                    library.needed.append(str(tag.__dict__["needed"]))
        elif isinstance(section, GNUVerNeedSection):
            for needed, versions in section.iter_versions():
                library.versions.setdefault(str(needed.name), set()).update(str(version.name) for version in versions)
    return library


def _family(version: str) -> str:
    return version.partition("_")[0]


def _number(version: str) -> tuple[int, ...]:
    """Return the numbers in a version such as GLIBC_2.34 or 2.34; an empty tuple for a name such as GLIBC_PRIVATE."""
    return tuple(int(part) for part in re.findall(r"\d+", version))
