"""Check packages: the versions of the lock file and of this tree, and no package that shadows one of the runtime."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from email.parser import Parser

from .. import archive, matrix, package
from ..wheels import normalise, pins
from .finding import Contents, Finding

_SITE = re.compile(r"^(?:lib/python3\.\d+/site-packages/)?([^/]+)")
_METADATA = re.compile(r"^[^/]+\.dist-info/METADATA$")


def shadows(contents: Contents) -> Iterator[Finding]:
    forbidden = {normalise(name) for name in matrix.forbidden()}
    seen = set()
    for path in contents.inside:
        match = _SITE.match(path)
        top = match[1] if match else path
        name = normalise(re.sub(r"(-[^-]+)?\.(dist-info|egg-info)$|\.py$", "", top))
        if name in forbidden and top not in seen:
            seen.add(top)
            yield Finding(
                "shadow",
                top,
                "is a package of the runtime: /opt/python comes first on sys.path, so every function with this layer would import this one",
            )


def versions(contents: Contents) -> Iterator[Finding]:
    own = package.project()
    wanted = pins() | {normalise(own["name"]): own["version"]}
    found = {}
    for path, data in contents.inside.items():
        if _METADATA.match(path):
            headers = Parser().parsestr(data.decode("utf-8", "replace"), headersonly=True)
            found[normalise(headers["Name"] or path)] = headers["Version"]
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            yield Finding("versions", name, f"is missing; the lock has {wanted[name]}")
        elif name not in wanted:
            yield Finding("versions", name, f"{found[name]} is not in layer/requirements.txt")
        elif found[name] != wanted[name]:
            yield Finding("versions", name, f"is {found[name]}, the lock has {wanted[name]}")


def manifest(contents: Contents) -> Iterator[Finding]:
    """Compare the zip with the manifest beside it, if there is one."""
    path = contents.path.with_suffix(".json")
    if not path.is_file():
        yield Finding("manifest", path.name, "is missing beside the zip, so its hash cannot be compared", note=True)
        return
    expected = json.loads(path.read_text()).get("code_sha256")
    found = archive.code_sha256(contents.zipped)
    if expected != found:
        yield Finding(
            "manifest", contents.path.name, f"has the CodeSha256 {found}, its manifest says {expected}: it was changed after the build"
        )
