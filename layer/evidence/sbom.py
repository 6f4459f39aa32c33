"""The SBOM beside a layer: CycloneDX 1.6 in JSON. The same zip and commit give the same bytes."""

from __future__ import annotations

import datetime
import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType, Pedigree
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.license import License
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from ..building import licences
from ..building.package import project
from ..building.wheels import normalise
from ..checks.finding import ROOT, Contents
from .components import Part, parts

_CHANGED = (
    "As in the wheel with that hash, but without files that are not needed; extension modules have no debug information, and sources were "
    "compiled to bytecode, some with the changes of layer/building/imports/transforms.py. The hashes of the files are those of the layer."
)
_FILE = "file:"
_KINDS = {"library": ComponentType.LIBRARY, "data": ComponentType.DATA}


def sbom(contents: Contents, manifest: Mapping[str, Any], epoch: int | None) -> str:
    """Return the SBOM of a zip. `epoch` is its timestamp in seconds since the epoch; None leaves the timestamp out.

    It lists each file of the zip once, below the file's component. Raise LayerError when a file belongs to no package.
    """
    found = parts(contents.target, contents.inside, manifest["packages"])
    components = {part.name: _component(part, contents.files) for part in found}
    whole = _whole(contents, manifest)
    whole.supplier = components[normalise(project()["name"])].supplier
    # The library replaces a timestamp of None by the current time, so the timestamp is removed below.
    stamp = datetime.datetime.fromtimestamp(epoch or 0, datetime.UTC)
    tools = ToolRepository(components=[this_component()])
    metadata = BomMetaData(component=whole, tools=tools, timestamp=stamp, supplier=whole.supplier)
    serial = uuid.uuid5(uuid.NAMESPACE_OID, hashlib.sha256(contents.zipped).hexdigest())
    bom = Bom(components=components.values(), serial_number=serial, metadata=metadata)
    needed = set().union(*(part.needs for part in found))
    bom.register_dependency(whole, [component for name, component in components.items() if name not in needed])
    for part in found:
        bom.register_dependency(components[part.name], [components[name] for name in sorted(part.needs)])
    written: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    if epoch is None:
        del written["metadata"]["timestamp"]
    # The library adds an empty dependency entry for each file. Files have no dependencies, so the entries are removed.
    written["dependencies"] = [entry for entry in written["dependencies"] if not entry["ref"].startswith(_FILE)]
    return json.dumps(written, indent=1, ensure_ascii=False) + "\n"


def _whole(contents: Contents, manifest: Mapping[str, Any]) -> Component:
    target = contents.target
    return Component(
        name=target.name,
        version=manifest["version"],
        type=ComponentType.APPLICATION,
        bom_ref=target.name,
        description=f"AWS Lambda layer for {target.runtime} on {target.architecture}",
        hashes=[_sha256(contents.zipped)],
        licenses=_licences(" AND ".join(sorted({package["license"] for package in manifest["packages"]}))),
        purl=PackageURL("generic", name=target.name, version=manifest["version"]),
        components=[_file(path, data) for path, data in contents.files.items() if not path.startswith(ROOT)],
        properties=[
            Property(name="rdspool:file", value=manifest["file"]),
            Property(name="rdspool:code-sha256", value=manifest["code_sha256"]),
            Property(name="rdspool:bytecode-by", value=manifest["bytecode"]["interpreter"]),
        ],
    )


def _component(part: Part, files: Mapping[str, bytes]) -> Component:
    return Component(
        name=part.name,
        version=part.version,
        type=_KINDS[part.kind],
        bom_ref=part.name,
        description=part.about or None,
        supplier=OrganizationalEntity(name=part.supplier, urls=[XsUri(part.url)] if part.url else None),
        licenses=_licences(part.spdx) if part.spdx else None,
        purl=PackageURL(part.purl_type, name=part.name, version=part.version),
        cpe=licences.cpe(part.name, part.version),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=part.wheel_sha256)] if part.wheel_sha256 else None,
        external_references=[ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(part.url))] if part.url else None,
        pedigree=Pedigree(notes=_CHANGED) if part.wheel else None,
        properties=[Property(name="rdspool:wheel", value=part.wheel)] if part.wheel else [],
        components=[_file(ROOT + path, files[ROOT + path]) for path in part.files],
    )


def _file(path: str, data: bytes) -> Component:
    return Component(name=path, type=ComponentType.FILE, bom_ref=_FILE + path, hashes=[_sha256(data)])


def _sha256(data: bytes) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(data).hexdigest())


def _licences(spdx: str) -> list[License]:
    return [LicenseFactory().make_from_string(spdx)]
