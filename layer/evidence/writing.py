"""Writes the SBOM and the provenance beside a zip, and finds them again."""

from __future__ import annotations

from pathlib import Path

from layer.assemble import Layer, replace
from layer.checks.finding import read
from layer.evidence.provenance import Builder, statement
from layer.evidence.sbom import sbom
from layer.evidence.source import Source, epoch
from layer.matrix import Target

SBOM = ".cdx.json"
PROVENANCE = ".provenance.json"


def write(layer: Layer, target: Target, source: Source, builder: Builder) -> list[Path]:
    """Writes NAME.cdx.json and NAME.provenance.json beside NAME.zip and returns their paths."""
    texts = {
        SBOM: sbom(read(layer.path, target), layer.manifest, epoch(source)),
        PROVENANCE: statement(target, layer.manifest, source, builder),
    }
    written = []
    for suffix, text in texts.items():
        path = layer.path.with_suffix(suffix)
        replace(path, text.encode())
        written.append(path)
    return written


def beside(zipped: Path) -> list[Path]:
    """Returns the SBOM and the provenance of a zip, as far as they are there."""
    return [path for path in (zipped.with_suffix(SBOM), zipped.with_suffix(PROVENANCE)) if path.is_file()]
