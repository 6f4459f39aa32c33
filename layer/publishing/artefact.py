"""Load a built layer from disk for publication, and check its zip against its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .. import archive, documents, package
from ..documents import Document
from ..errors import LayerError
from ..matrix import Target


@dataclass(frozen=True)
class Artefact:
    """A zip that can be published. `code_sha256` is computed from its bytes; the other values come from the manifest."""

    target: Target
    path: Path
    zipped: bytes = field(repr=False)
    code_sha256: str
    release: str
    interpreter: str
    runtimes: tuple[str, ...]
    architectures: tuple[str, ...]
    licence: str


def built(targets: Sequence[Target], folder: Path) -> list[Target]:
    """Return the targets that have a zip in `folder`. Raise LayerError when none has."""
    found = [target for target in targets if (folder / f"{target.name}.zip").is_file()]
    if not found:
        wanted = ", ".join(f"{target.name}.zip" for target in targets)
        raise LayerError(f"{folder} has no layer of those that are selected ({wanted}): build one with ./build.sh")
    return found


def load(target: Target, folder: Path) -> Artefact:
    """Return the artefact of a target in `folder`. Raise LayerError when it is missing, or its zip and manifest do not match."""
    path, manifest_path = folder / f"{target.name}.zip", folder / f"{target.name}.json"
    try:
        size = path.stat().st_size
        if size > target.budget.zipped:
            raise LayerError(f"{path} is {size:,} bytes; the budget is {target.budget.zipped:,}: build it again")
        zipped, manifest = path.read_bytes(), documents.read(manifest_path)
    except FileNotFoundError as error:
        options = f"--python {target.python} --arch {target.architecture}"
        raise LayerError(f"{error.filename} is missing: build it with ./build.sh {options} (or --all)") from error
    return _checked(target, path, zipped, manifest)


def _checked(target: Target, path: Path, zipped: bytes, manifest: Document) -> Artefact:
    computed = archive.code_sha256(zipped)
    if computed != manifest.text("code_sha256"):
        raise LayerError(f"{path} has the sha256 {computed}, its manifest says {manifest.text('code_sha256')}: build it again")
    release = package.project()["version"]
    if manifest.text("version") != release:
        raise LayerError(f"{path} was built from version {manifest.text('version')}, this tree is {release}: build it again")
    return Artefact(
        target,
        path,
        zipped,
        computed,
        release,
        manifest.text("bytecode", "interpreter"),
        manifest.texts("compatible_runtimes"),
        manifest.texts("compatible_architectures"),
        manifest.text("license_info"),
    )
