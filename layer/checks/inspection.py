"""Run all checks on one zip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from local.cache import cache_dir

from ..matrix import Target
from .beside import beside, manifest
from .finding import Contents, Finding, read
from .libraries import libraries
from .listed import listed
from .shadows import shadows
from .structure import builder, structure

CHECKS = (structure, builder, libraries, shadows, manifest, beside)


@dataclass(frozen=True)
class Inspection:
    """The findings of all checks. The layer can be published when `faults` is empty."""

    contents: Contents
    findings: list[Finding]

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.note]


def inspect(path: Path, target: Target, interpreter: Path | None = None) -> Inspection:
    """Inspect one zip. `interpreter` compiles its sources again; without it, the one that this machine has, if any.

    Raise LayerError when the zip cannot be read, or the interpreter is not of the layer's version.
    """
    contents = read(path, target)
    findings = [finding for check in CHECKS for finding in check(contents)]
    return Inspection(contents, [*findings, *listed(contents, cache_dir(), interpreter)])
