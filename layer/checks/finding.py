"""The result of a check (Finding), and the content of a zip that the checks read (Contents)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ..building import archive
from ..errors import LayerError
from ..matrix import Target

ROOT = "python/"
"""The folder of a zip that Lambda mounts at /opt/python."""

SIGNER_FILE = "META_INF/aws_signer_signature_v1.0.SF"
"""The file that AWS Signer adds to a zip. Lambda reads it, Python does not."""


@dataclass(frozen=True)
class Finding:
    """A fault of one file, or (`note`) something that the reader should know and that does not stop a publication."""

    check: str
    path: str
    message: str
    note: bool = False


@dataclass(frozen=True)
class Contents:
    """The content of a zip: `files` maps paths to bytes, `modes` maps them to the modes in the zip, `repeated` lists duplicate paths.

    `form` is what the zip has besides these files, in words, or None when it has nothing else. AWS Signer writes zips in a form of its
    own, so it is None for them too.
    """

    path: Path
    target: Target
    zipped: bytes
    files: dict[str, bytes] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()
    form: str | None = None

    @property
    def unzipped_bytes(self) -> int:
        return sum(map(len, self.files.values()))

    @property
    def inside(self) -> dict[str, bytes]:
        """The files by their path inside python/."""
        return {path.removeprefix(ROOT): data for path, data in self.files.items() if path.startswith(ROOT)}

    @property
    def signed(self) -> bool:
        """Whether AWS Signer has written the zip."""
        return SIGNER_FILE in self.files


def read(path: Path, target: Target) -> Contents:
    """Return the content of the zip. Raise LayerError when it cannot be read as a zip, or is larger than the target's budget."""
    try:
        size = path.stat().st_size
        if size > target.budget.zipped:
            raise LayerError(f"{path} is {size:,} bytes zipped; the budget is {target.budget.zipped:,}: build it again")
        zipped = path.read_bytes()
        entries = archive.unpack(zipped, target.budget.unzipped)
    except OSError as error:
        raise LayerError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise LayerError(f"{path} cannot be read: {error}; build it again") from error
    times = Counter(entry.path for entry in entries)
    files = {entry.path: entry.data for entry in entries}
    return Contents(
        path,
        target,
        zipped,
        files,
        {entry.path: entry.mode for entry in entries},
        tuple(sorted(path for path, count in times.items() if count > 1)),
        None if SIGNER_FILE in files else _form(zipped, entries),
    )


def _form(zipped: bytes, entries: list[archive.Entry]) -> str | None:
    same = archive.written(entries)
    if zipped == same:
        return None
    if zipped.endswith(same):
        return f"has {len(zipped) - len(same):,} bytes before its first file"
    if zipped.startswith(same):
        return f"has {len(zipped) - len(same):,} bytes behind its end"
    return "has headers that the build does not write: comments, extra fields, times, flags, bytes between files, or another order"
