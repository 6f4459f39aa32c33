"""Load a built layer from disk for publication, and check its zip against its manifest."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import archive, package
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


def load(target: Target, folder: Path) -> Artefact:
    """Return the artefact of a target in `folder`. Raise LayerError when it is missing, or its zip and manifest do not match."""
    path, manifest_path = folder / f"{target.name}.zip", folder / f"{target.name}.json"
    try:
        zipped, manifest = path.read_bytes(), json.loads(manifest_path.read_text())
    except FileNotFoundError as error:
        options = f"--python {target.python} --arch {target.architecture}"
        raise LayerError(f"{error.filename} is missing: build it with ./build.sh {options} (or --all)") from error
    except ValueError as error:
        raise LayerError(f"{manifest_path} is not valid JSON: {error}; build the layer again") from error
    try:
        return _checked(target, path, zipped, manifest)
    except KeyError as error:
        raise LayerError(f"{manifest_path} has no {error}: build the layer again with this tree's ./build.sh") from error


def _checked(target: Target, path: Path, zipped: bytes, manifest: dict[str, Any]) -> Artefact:
    computed = archive.code_sha256(zipped)
    if computed != manifest["code_sha256"]:
        raise LayerError(f"{path} has the sha256 {computed}, its manifest says {manifest['code_sha256']}: build it again")
    release = package.project()["version"]
    if manifest["version"] != release:
        raise LayerError(f"{path} was built from version {manifest['version']}, this tree is {release}: build it again")
    return Artefact(
        target,
        path,
        zipped,
        computed,
        release,
        manifest["bytecode"]["interpreter"],
        tuple(manifest["compatible_runtimes"]),
        tuple(manifest["compatible_architectures"]),
        manifest["license_info"],
    )
