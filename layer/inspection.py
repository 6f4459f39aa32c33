"""Run all checks on one zip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .checks.archives import archives
from .checks.beside import beside
from .checks.bytecode import bytecode
from .checks.compiled import compiled
from .checks.finding import Contents, Finding, read
from .checks.libraries import libraries
from .checks.packages import manifest, shadows, versions
from .checks.structure import builder, left_out, sizes, structure
from .matrix import Target

CHECKS = (structure, left_out, sizes, builder, bytecode, archives, compiled, libraries, shadows, versions, manifest, beside)


@dataclass(frozen=True)
class Inspection:
    """The findings of all checks. The layer can be published when `faults` is empty."""

    contents: Contents
    findings: list[Finding]

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.note]


def inspect(path: Path, target: Target) -> Inspection:
    """Inspect one zip. Raise LayerError when it cannot be read."""
    contents = read(path, target)
    return Inspection(contents, [finding for check in CHECKS for finding in check(contents)])
