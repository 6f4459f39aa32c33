"""Read layer/matrix.toml: the targets of the layer, the limits, the pruned files, the partitions with their regions, and the stages."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .errors import LayerError

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Budget:
    """Maximum sizes of a layer, in bytes."""

    zipped: int
    unzipped: int


@dataclass(frozen=True)
class Target:
    """One layer of the matrix. `python` is a minor version such as "3.13", `architecture` is Lambda's name for it."""

    python: str
    architecture: str

    @property
    def name(self) -> str:
        """The file name of the layer without its ending, such as rdspool-python3.13-x86_64."""
        return f"{product()}-{self.runtime}-{self.architecture}"

    @property
    def runtime(self) -> str:
        """Lambda's name of the runtime, such as python3.13."""
        return f"python{self.python}"

    @property
    def abi(self) -> str:
        return f"cp{self.python.replace('.', '')}"

    @property
    def machine(self) -> str:
        """The architecture as `uname -m` and wheels call it."""
        return str(_matrix()["architecture"][self.architecture]["wheel"])

    @property
    def platforms(self) -> list[str]:
        """The platform tags of wheels that run there, newest first."""
        return [f"{platform}_{self.machine}" for platform in _matrix()["wheels"]["platforms"]]

    @property
    def elf_machine(self) -> int:
        """The number of the architecture in an ELF header (e_machine)."""
        return int(_matrix()["architecture"][self.architecture]["elf"])

    @property
    def magic(self) -> bytes:
        """The first four bytes of the Python's bytecode files."""
        return int(_matrix()["python"][self.python]["magic"]).to_bytes(2, "little") + b"\r\n"

    @property
    def base_image(self) -> str:
        return str(_matrix()["python"][self.python]["base"])

    @property
    def budget(self) -> Budget:
        return Budget(**_matrix()["budget"])


@dataclass(frozen=True)
class Bundle:
    """AWS's root certificates for RDS in all regions of a partition: where they are, and the SHA-256 of the file in hexadecimal."""

    url: str
    sha256: str


@dataclass(frozen=True)
class Partition:
    """A partition of AWS. `home` is the region that is asked for an account; `bundle` is None where rdspool ships no roots."""

    name: str
    home: str
    regions: tuple[str, ...]
    opt_in_regions: tuple[str, ...]
    bundle: Bundle | None

    @property
    def all_regions(self) -> list[str]:
        return sorted([*self.regions, *self.opt_in_regions])


def target(python: str, architecture: str) -> Target:
    """Return the target. Raise LayerError with the possible names when there is no such target."""
    for kind, name in (("python", python), ("architecture", architecture)):
        if name not in names(kind):
            raise LayerError(f"no layer is made for the {kind} {name!r}: choose from {', '.join(names(kind))} (layer/matrix.toml)")
    return Target(python, architecture)


def targets() -> list[Target]:
    """Return every target of the matrix."""
    return [Target(p, a) for p in names("python") for a in names("architecture")]


def parse(name: str) -> Target:
    """Return the target of a layer's file name, with or without .zip. Raise LayerError when it names none."""
    stem = Path(name).name.removesuffix(".zip")
    for candidate in targets():
        if candidate.name == stem:
            return candidate
    raise LayerError(f"{name}: not the name of a layer, such as {targets()[0].name}.zip; name the layer with --as")


def names(kind: str) -> list[str]:
    """Return the names of a kind (python or architecture) in the order of the file."""
    return list(_matrix()[kind])


def default(kind: str) -> str:
    """Return the default name of a kind (python or architecture)."""
    entries: dict[str, dict[str, Any]] = _matrix()[kind]
    return next(name for name, entry in entries.items() if entry.get("default"))


def partitions() -> dict[str, Partition]:
    """Return the partitions by their names."""
    return {
        name: Partition(
            name,
            entry["home"],
            tuple(entry["regions"]),
            tuple(entry["opt_in_regions"]),
            Bundle(**entry["bundle"]) if "bundle" in entry else None,
        )
        for name, entry in _matrix()["partition"].items()
    }


def partition_of(region: str) -> str | None:
    """Return the name of a region's partition, or None for a region that the file does not have."""
    return next((name for name, each in partitions().items() if region in (each.home, *each.all_regions)), None)


def product() -> str:
    """Return the name of the product, with which all layer names begin."""
    return str(_matrix()["name"])


def section(name: str) -> dict[str, Any]:
    """Return a table of the file."""
    return dict(_matrix()[name])


def of_machine(machine: str) -> str:
    """Return Lambda's name of the architecture that `uname -m` or Docker calls `machine`, or `machine` when Lambda does not have it."""
    return next((name for name, entry in _matrix()["architecture"].items() if machine in (name, entry["wheel"], entry["docker"])), machine)


def forbidden() -> list[str]:
    """Return the top-level packages that would shadow those of the runtime."""
    return list(_matrix()["forbidden"]["packages"])


def runtime_symbols() -> dict[str, str]:
    """Return the newest version of each symbol family (GLIBC, ...) in the runtimes."""
    return dict(_matrix()["runtime"]["symbols"])


def runtime_libraries() -> frozenset[str]:
    """Return the shared libraries of the runtimes, which an extension module may need."""
    return frozenset(_matrix()["runtime"]["libraries"])


def licences() -> dict[str, dict[str, str]]:
    """Return the licences (keys spdx and, for some, note) by normalised package name."""
    return dict(_matrix()["licence"])


def provenance() -> dict[str, str]:
    """Return the URIs for provenance statements: build_type, and local_builder for builds that name no builder."""
    return dict(_matrix()["provenance"])


def pruned(path: str) -> str | None:
    """Return why `path` (inside python/) is left out, or None when it is kept."""
    for why, pattern in _rules():
        if pattern.fullmatch(path):
            return why
    return None


@cache
def _rules() -> list[tuple[str, re.Pattern[str]]]:
    return [(rule["why"], _pattern(path)) for rule in _matrix()["prune"] for path in rule["paths"]]


def _pattern(glob: str) -> re.Pattern[str]:
    parts = {"**/": "(?:.+/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    tokens = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    return re.compile("".join(parts.get(token, re.escape(token)) for token in tokens))


@cache
def _matrix() -> dict[str, Any]:
    with open(Path(__file__).with_name("matrix.toml"), "rb") as file:
        return tomllib.load(file)
