"""Write the SBOM and the provenance beside a zip, and find them."""

from __future__ import annotations

from pathlib import Path

from ..building.assemble import Layer, replace
from ..building.source import Source, epoch
from ..checks.finding import read
from ..matrix import Target
from .provenance import Builder, statement
from .sbom import sbom

SBOM = ".cdx.json"
PROVENANCE = ".provenance.json"


def write(layer: Layer, target: Target, source: Source, builder: Builder) -> list[Path]:
    """Write NAME.cdx.json and NAME.provenance.json beside NAME.zip and return their paths."""
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
    """Return the paths of the SBOM and the provenance of a zip, if they exist."""
    return [path for path in (zipped.with_suffix(SBOM), zipped.with_suffix(PROVENANCE)) if path.is_file()]
