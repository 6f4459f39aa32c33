"""The manifest beside a layer: name, hashes, sizes, packages, and the tools that built it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from ..matrix import Target
from . import archive, licences, package
from .bytecode import Interpreter
from .imports.archives import FOLDER
from .imports.transforms import TRANSFORMS
from .wheels import TOOLS, Wheel, pins


def describe(
    target: Target, zipped: bytes, files: Mapping[str, bytes], wheels: Iterable[Wheel], interpreter: Interpreter
) -> dict[str, Any]:
    """Return the manifest, ready for JSON. Sizes are in bytes; code_sha256 is the CodeSha256 that Lambda reports."""
    own = package.project()
    wheels = list(wheels)
    return {
        "name": target.name,
        "file": f"{target.name}.zip",
        "version": own["version"],
        "sha256": hashlib.sha256(zipped).hexdigest(),
        "code_sha256": archive.code_sha256(zipped),
        "contents_sha256": archive.contents_sha256(files),
        "zipped_bytes": len(zipped),
        "unzipped_bytes": sum(map(len, files.values())),
        "files": len(files),
        "compatible_runtimes": [target.runtime],
        "compatible_architectures": [target.architecture],
        "license_info": licences.info(wheels),
        "packages": [
            {"name": own["name"], "version": own["version"], "license": licences.spdx(own["name"])},
            *(
                {"name": w.name, "version": w.version, "license": licences.spdx(w.name), "wheel": w.path.name, "sha256": w.sha256}
                for w in wheels
            ),
        ],
        "bytecode": {"interpreter": f"CPython {interpreter.version}", "magic": interpreter.magic, "invalidation": "unchecked-hash"},
        "archives": _archives(files),
        "tools": {**pins(TOOLS), "level": archive.LEVEL},
    }


def _archives(files: Mapping[str, bytes]) -> dict[str, Any]:
    paths = [path for path in sorted(files) if f"/{FOLDER}/" in path and not path.endswith((".py", ".pyc"))]
    return {
        "files": {path: hashlib.sha256(files[path]).hexdigest() for path in paths},
        "transforms": [transform.name for transform in TRANSFORMS],
    }
