"""Check that the manifest, the SBOM and the provenance beside a zip name the hash of this zip."""

from __future__ import annotations

from collections.abc import Iterator

from .. import documents
from ..building import archive
from ..documents import Document
from ..errors import LayerError
from .finding import Contents, Finding


def manifest(contents: Contents) -> Iterator[Finding]:
    path = contents.path.with_suffix(".json")
    try:
        expected = documents.read(path).text("code_sha256")
    except FileNotFoundError:
        yield Finding("manifest", path.name, "is missing beside the zip, so its hash cannot be compared", note=True)
        return
    except LayerError as error:
        yield Finding("manifest", path.name, f"cannot be used: {error}")
        return
    found = archive.code_sha256(contents.zipped)
    if expected != found:
        yield Finding(
            "manifest", contents.path.name, f"has the CodeSha256 {found}, its manifest says {expected}: it was changed after the build"
        )


def beside(contents: Contents) -> Iterator[Finding]:
    found = archive.sha256(contents.zipped)
    for suffix, what, hashes in ((".cdx.json", "SBOM", of_sbom), (".provenance.json", "provenance", of_provenance)):
        path = contents.path.with_suffix(suffix)
        try:
            named = hashes(documents.read(path))
        except FileNotFoundError:
            continue
        except LayerError as error:
            yield Finding("beside", path.name, f"cannot be used: {error}")
            continue
        # AWS Signer adds its signature to the zip after the provenance was written, so the provenance names the hash before it.
        if found not in named and (what == "SBOM" or unsigned(contents) not in named):
            zips = ", ".join(named) or "no zip"
            yield Finding("beside", path.name, f"is the {what} of {zips}; the zip has the sha256 {found}: build it again")


def unsigned(contents: Contents) -> str | None:
    """Return the SHA-256 that the zip had before AWS Signer signed it, as its manifest has it; None if it is not signed."""
    if not contents.signed:
        return None
    try:
        return documents.read(contents.path.with_suffix(".json")).text("signed", "unsigned_sha256")
    except (FileNotFoundError, LayerError):
        return None


def of_sbom(sbom: Document) -> list[str]:
    """Return the SHA-256 of the zips that an SBOM describes. Raise LayerError when it is none."""
    place = ("metadata", "component", "hashes")
    if not sbom.has(*place):
        return []
    return [sbom.text(*place, number, "content") for number, entry in enumerate(sbom.objects(*place)) if entry.get("alg") == "SHA-256"]


def of_provenance(statement: Document) -> list[str]:
    """Return the SHA-256 of the zips that a provenance statement is about. Raise LayerError when it is none."""
    if not statement.has("subject"):
        return []
    count = len(statement.objects("subject"))
    return [statement.text("subject", number, "digest", "sha256") for number in range(count)]
