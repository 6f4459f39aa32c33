"""Find the components of a layer in its zip: each package with its files, and the root certificates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from email.parser import Parser
from typing import Any

from packaging.requirements import Requirement

from ..building import licences
from ..building.package import project
from ..building.wheels import normalise
from ..errors import LayerError
from ..matrix import Target

_METADATA = re.compile(r"^([^/]+)\.dist-info/METADATA$")
_ROOTS = "rdspool/_aws/roots/"
_ROOTS_NAME = "rdspool-roots"


@dataclass
class Part:
    """A component. `files` are paths inside python/, `needs` the names of the components that it depends on."""

    name: str
    version: str | None
    spdx: str | None
    supplier: str
    about: str
    kind: str = "library"
    purl_type: str = "pypi"
    url: str | None = None
    wheel: str | None = None
    wheel_sha256: str | None = None
    files: list[str] = field(default_factory=list)
    needs: set[str] = field(default_factory=set)


def parts(target: Target, files: Mapping[str, bytes], packages: Iterable[Mapping[str, Any]]) -> list[Part]:
    """Return the components of a layer. Each file belongs to exactly one of them.

    `files` are the files inside python/, `packages` those of the manifest. Raise LayerError when a file belongs to no package, because
    the SBOM would be incomplete.
    """
    locked = {package["name"]: package for package in packages}
    found, tops = {}, {}
    for path, data in files.items():
        match = _METADATA.match(path)
        if match:
            part = _package(target, Parser().parsestr(data.decode(), headersonly=True), locked)
            found[part.name] = part
            listed = files.get(f"{match[1]}.dist-info/top_level.txt", b"").decode().split()
            for top in [*(listed or [part.name.replace("-", "_")]), f"{match[1]}.dist-info"]:
                tops[top] = part
    roots = _roots(files)
    for path in sorted(files.keys() - set(roots.files)):
        owner = tops.get(_top(path))
        if owner is None:
            raise LayerError(
                f"{path} belongs to no package of {target.name}: its dist-info is missing, or layer/matrix.toml should prune it"
            )
        owner.files.append(path)
    everything = [*found.values(), roots]
    known = {part.name for part in everything}
    for part in everything:
        part.needs &= known
    return sorted(everything, key=lambda part: part.name)


def _top(path: str) -> str:
    first, _, rest = path.partition("/")
    if first == "__pycache__":
        first = rest
    return first if first.endswith(".dist-info") else first.partition(".")[0]


def _package(target: Target, metadata: Message, locked: Mapping[str, Mapping[str, Any]]) -> Part:
    name = normalise(metadata["Name"])
    package = locked.get(name, {})
    author = metadata.get("Author") or re.sub(r"\s*<[^>]*>", "", metadata.get("Author-email") or "").strip('" ') or f"the {name} project"
    addresses = dict(str(line).split(", ", 1) for line in metadata.get_all("Project-URL", []))
    environment = {"python_version": target.python, "platform_machine": target.machine, "extra": ""}
    needs = set()
    for line in metadata.get_all("Requires-Dist", []):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            needs.add(normalise(requirement.name))
    return Part(
        name,
        metadata["Version"],
        licences.spdx(name),
        author,
        metadata.get("Summary", ""),
        # rdspool's files come from this tree, not from PyPI.
        purl_type="pypi" if "wheel" in package else "generic",
        url=addresses.get("Homepage") or addresses.get("Home"),
        wheel=package.get("wheel"),
        wheel_sha256=package.get("sha256"),
        needs=needs | ({_ROOTS_NAME} if name == normalise(project()["name"]) else set()),
    )


def _roots(files: Mapping[str, bytes]) -> Part:
    index = json.loads(files[f"{_ROOTS}index.json"])
    sources = ", ".join(source["name"] for source in index["sources"])
    return Part(
        _ROOTS_NAME,
        index["as_of"],
        None,
        "Amazon Web Services, Inc.",
        f"root certificates of Amazon RDS by region, and of Amazon Trust Services for RDS Proxy, from {sources}",
        kind="data",
        purl_type="generic",
        url="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html",
        files=sorted(path for path in files if path.startswith(_ROOTS)),
    )
