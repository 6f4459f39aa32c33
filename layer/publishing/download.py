"""Download the zip of a published version, and check it against the hash that Lambda reports."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from ..building import archive
from ..errors import LayerError
from ..matrix import Target
from . import stages, versions
from .account import open_account

_TIMEOUT = 60.0  # seconds


@dataclass(frozen=True)
class Downloaded:
    """A downloaded version: its zip, its target, and the interpreter that its description names (None if this tool did not write it)."""

    path: Path
    target: Target
    code_sha256: str
    interpreter: str | None


def download(arn: str, folder: Path, profile: str | None) -> Downloaded:
    """Download the zip of a layer version to `folder`. Raise LayerError when it can't be read or has another hash."""
    parsed = stages.parse_arn(arn)
    target, _ = stages.identify(parsed.layer)
    region = open_account(profile, _TIMEOUT, parsed.partition).region(parsed.region)
    # With the whole ARN, because the version may be in another account.
    version = versions.by_arn(region, arn)
    path = folder / f"{target.name}.zip"
    path.write_bytes(_fetch(version.location, arn, target.budget.zipped))
    computed = archive.code_sha256(path.read_bytes())
    if computed != version.code_sha256:
        raise LayerError(f"{arn}: the downloaded zip has the sha256 {computed}, Lambda reports {version.code_sha256}: try again")
    return Downloaded(path, target, computed, versions.interpreter(version.description))


def _fetch(location: str, arn: str, limit: int) -> bytes:
    # Anybody can read the zip with this link for ten minutes, so no message may contain it.
    if urllib.parse.urlsplit(location).scheme not in ("https", "http"):
        raise LayerError(f"{arn}: Lambda returned no link to its zip")
    try:
        with urllib.request.urlopen(location, timeout=_TIMEOUT) as answer:  # noqa: S310 (the scheme is checked above)
            data: bytes = answer.read(limit + 1)
    except (urllib.error.URLError, TimeoutError) as error:
        raise LayerError(f"{arn}: its zip can't be downloaded: {getattr(error, 'reason', error)}; try again") from error
    if len(data) > limit:
        raise LayerError(f"{arn}: its zip has more than the {limit:,} bytes of the budget: this tree did not build it")
    return data
