"""Check that the SBOM and the provenance beside a zip name the hash of this zip."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import archive
from .finding import Contents, Finding


def beside(contents: Contents) -> Iterator[Finding]:
    found = archive.sha256(contents.zipped)
    signed = _read(contents.path.with_suffix(".json")).get("signed", {})
    for suffix, what, hashes in ((".cdx.json", "SBOM", _of_sbom), (".provenance.json", "provenance", _of_provenance)):
        path = contents.path.with_suffix(suffix)
        if not path.is_file():
            continue
        named = hashes(_read(path))
        # AWS Signer adds its signature to the zip after the provenance was written, so the provenance names the hash before it.
        if found not in named and (what == "SBOM" or signed.get("unsigned_sha256") not in named):
            zips = ", ".join(named) or "no zip"
            yield Finding("beside", path.name, f"is the {what} of {zips}; the zip has the sha256 {found}: build it again")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _of_sbom(sbom: dict[str, Any]) -> list[str]:
    hashes = sbom.get("metadata", {}).get("component", {}).get("hashes", [])
    return [entry["content"] for entry in hashes if entry.get("alg") == "SHA-256"]


def _of_provenance(statement: dict[str, Any]) -> list[str]:
    return [subject["digest"]["sha256"] for subject in statement.get("subject", []) if "sha256" in subject.get("digest", {})]
