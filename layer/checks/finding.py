"""The result of a check (Finding), and the content of a zip that the checks read (Contents)."""

from __future__ import annotations

import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

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
    """The content of a zip: `files` maps paths to bytes, `modes` maps them to permission bits, `repeated` lists duplicate paths."""

    path: Path
    target: Target
    zipped: bytes
    files: dict[str, bytes] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)

    @property
    def unzipped_bytes(self) -> int:
        return sum(map(len, self.files.values()))

    @property
    def inside(self) -> dict[str, bytes]:
        """The files by their path inside python/."""
        return {path.removeprefix(ROOT): data for path, data in self.files.items() if path.startswith(ROOT)}


def read(path: Path, target: Target) -> Contents:
    """Return the content of the zip. Raise LayerError when it cannot be read as a zip."""
    try:
        contents = Contents(path, target, path.read_bytes())
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.is_dir():
                    continue
                if info.filename in contents.files:
                    contents.repeated.append(info.filename)
                contents.files[info.filename] = archive.read(info)
                contents.modes[info.filename] = info.external_attr >> 16
    except OSError as error:
        raise LayerError(f"{path} cannot be read: {error.strerror}") from error
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise LayerError(f"{path} is not a valid zip: {error}; build it again") from error
    return contents


def is_regular(mode: int) -> bool:
    return stat.S_IFMT(mode) in (0, stat.S_IFREG)
