"""The zip of a published version, fetched and held against the hash that Lambda gives for it."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from .. import archive
from ..errors import LayerError
from ..matrix import Target
from . import stages, versions
from .account import open_account

_TIMEOUT = 60.0  # seconds


@dataclass(frozen=True)
class Downloaded:
    """A published version: its zip in a file, what it is, and the interpreter that its description names (if it is ours)."""

    path: Path
    target: Target
    code_sha256: str
    interpreter: str | None


def download(arn: str, folder: Path, profile: str | None) -> Downloaded:
    """Fetches the zip of a layer version into `folder`. Raises LayerError."""
    parsed = stages.parse_arn(arn)
    target, _ = stages.identify(parsed.layer)
    region = open_account(profile, _TIMEOUT).region(parsed.region)
    # By its whole ARN: the version may be another account's.
    version = versions.by_arn(region, arn)
    path = folder / f"{target.name}.zip"
    path.write_bytes(_fetch(version.location, arn))
    computed = archive.code_sha256(path.read_bytes())
    if computed != version.code_sha256:
        raise LayerError(f"{arn}: what was fetched has the sha256 {computed}, Lambda says {version.code_sha256}: try again")
    return Downloaded(path, target, computed, versions.interpreter(version.description))


def _fetch(location: str, arn: str) -> bytes:
    # The link lets anybody read the zip for ten minutes: it stays out of messages.
    if urllib.parse.urlsplit(location).scheme not in ("https", "http"):
        raise LayerError(f"{arn}: Lambda gives no link to its zip")
    try:
        with urllib.request.urlopen(location, timeout=_TIMEOUT) as answer:  # noqa: S310 (the scheme is looked at above)
            data: bytes = answer.read()
    except (urllib.error.URLError, TimeoutError) as error:
        raise LayerError(f"{arn}: its zip can't be fetched: {getattr(error, 'reason', error)}; try again") from error
    return data
