"""The inspection of a layer: every check over one zip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .checks.beside import beside
from .checks.bytecode import bytecode
from .checks.finding import Contents, Finding, read
from .checks.libraries import libraries
from .checks.packages import manifest, shadows, versions
from .checks.structure import builder, left_out, sizes, structure
from .matrix import Target

CHECKS = (structure, left_out, sizes, builder, bytecode, libraries, shadows, versions, manifest, beside)


@dataclass(frozen=True)
class Inspection:
    """What was found. The layer may be published when there are no faults; notes are for the reader."""

    contents: Contents
    findings: list[Finding]

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.note]


def inspect(path: Path, target: Target) -> Inspection:
    """Inspects one zip; raises LayerError when it is none."""
    contents = read(path, target)
    return Inspection(contents, [finding for check in CHECKS for finding in check(contents)])
