"""Extension modules and shared libraries: the named architecture and Python, and nothing that the runtime lacks."""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerDefSection, GNUVerNeedSection

from layer import matrix
from layer.checks.finding import Contents, Finding

_NAMES = {62: "x86_64", 183: "arm64"}
_TAG = re.compile(r"\.cpython-(\d+)t?-")


@dataclass(frozen=True)
class _Library:
    machine: int
    needed: list[str] = field(default_factory=list)
    search: list[str] = field(default_factory=list)
    versions: dict[str, set[str]] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)


def libraries(contents: Contents) -> Iterator[Finding]:
    found: dict[str, _Library] = {}
    for path, data in contents.inside.items():
        named = path.endswith(".so") or ".so." in posixpath.basename(path)
        if not named and data[:4] != b"\x7fELF":
            continue
        try:
            found[path] = _read(data)
        except (ELFError, UnicodeDecodeError, ValueError) as error:
            yield Finding("architecture", path, f"is not a sound ELF file: {error}")
    for path, library in sorted(found.items()):
        yield from _for_target(contents, path, library)
        yield from _needs(found, path, library)


def _for_target(contents: Contents, path: str, library: _Library) -> Iterator[Finding]:
    target = contents.target
    if library.machine != target.elf_machine:
        name = _NAMES.get(library.machine, f"machine {library.machine}")
        yield Finding("architecture", path, f"is for {name}, this layer is for {target.architecture}")
    tag = _TAG.search(path)
    if tag and f"cp{tag[1]}" != target.abi:
        yield Finding("architecture", path, f"is for CPython {tag[1][0]}.{tag[1][1:]}, this layer is for {target.python}")


def _needs(found: dict[str, _Library], path: str, library: _Library) -> Iterator[Finding]:
    newest = matrix.runtime_symbols()
    for name in library.needed:
        beside = _vendored(found, path, library, name)
        if beside is None and name not in matrix.runtime_libraries() and not name.startswith(("libssl.so.3", "libcrypto.so.3")):
            yield Finding("libraries", path, f"needs {name}, which is neither in the layer nor in the runtime")
        for family, limit in newest.items():
            versions = sorted((v for v in library.versions.get(name, ()) if _family(v) == family), key=_number)
            if not versions or _number(versions[-1]) <= _number(limit):
                continue
            kind = {"GLIBC": "glibc", "OPENSSL": "openssl"}.get(family, "libraries")
            asked = f"needs {versions[-1]} of {name}"
            if beside is None:
                yield Finding(kind, path, f"{asked}; the runtime has {family}_{limit} at most")
            elif not found[beside].defined.issuperset(versions):
                yield Finding(kind, path, f"{asked}, which the layer's {beside} does not define")
            else:
                told = f"{asked}: the layer's {beside} has it, the runtime's may not, so this must be loaded before Python's ssl"
                yield Finding(kind, path, told, note=True)


def _vendored(found: dict[str, _Library], path: str, library: _Library, name: str) -> str | None:
    for folder in library.search:
        if folder.startswith("$ORIGIN"):
            candidate = posixpath.normpath(posixpath.join(posixpath.dirname(path), folder.removeprefix("$ORIGIN").lstrip("/"), name))
            if candidate in found:
                return candidate
    return None


def _read(data: bytes) -> _Library:
    elf = ELFFile(io.BytesIO(data))
    library = _Library(int.from_bytes(data[18:20], "little" if elf.little_endian else "big"))
    for section in elf.iter_sections():
        if isinstance(section, DynamicSection):
            for tag in section.iter_tags():
                if tag.entry.d_tag == "DT_NEEDED":
                    library.needed.append(str(tag.__dict__["needed"]))
                elif tag.entry.d_tag in ("DT_RUNPATH", "DT_RPATH"):
                    library.search.extend(str(tag.__dict__[tag.entry.d_tag[3:].lower()]).split(":"))
        elif isinstance(section, GNUVerNeedSection):
            for needed, versions in section.iter_versions():
                library.versions.setdefault(str(needed.name), set()).update(str(version.name) for version in versions)
        elif isinstance(section, GNUVerDefSection):
            for _, names in section.iter_versions():
                library.defined.update(str(name.name) for name in names)
    return library


def _family(version: str) -> str:
    return version.partition("_")[0]


def _number(version: str) -> tuple[int, ...]:
    """Returns the numbers in GLIBC_2.34 or 2.34, and none for names such as GLIBC_PRIVATE."""
    return tuple(int(part) for part in re.findall(r"\d+", version))
