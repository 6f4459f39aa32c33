"""The cache folder for downloads and generated files. Entries are complete or absent, and processes share them."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import LocalError, NotHereError

_DEBIAN = Path(__file__).with_name("debian.sh")


def cache_dir() -> Path:
    """Return the cache folder, which is created if needed: $RDSLOCAL_CACHE, or $XDG_CACHE_HOME/rdspool, or ~/.cache/rdspool.

    Raise LocalError when it can't be created.
    """
    named = os.environ.get("RDSLOCAL_CACHE")
    if named:
        folder = Path(named)
    else:
        try:
            folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rdspool"
        except RuntimeError as error:
            raise LocalError(f"the cache folder is unknown: {error}. Set RDSLOCAL_CACHE to a folder that you can write.") from error
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalError(
            f"the cache folder {folder} can't be created: {error.strerror}. Set RDSLOCAL_CACHE to a folder that you can write."
        ) from error
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock `path` for this process with a lock file beside it. Other processes that lock the same path wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{path}.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that creates {path}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def folder(path: Path, make: Callable[[Path], None]) -> Path:
    """Return `path`, after `make(new_folder)` has created its content if it is absent.

    The folder is complete or absent, even if the process is killed.
    """
    if path.is_dir():
        return path
    with locked(path):
        if path.is_dir():
            return path
        for left in path.parent.glob(f".{path.name}.*.new"):
            shutil.rmtree(left, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent))
        try:
            make(new)
            new.chmod(0o755)
            new.rename(path)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
    return path


def debian(suite: str, name: str, *packages: str) -> Path:
    """Return the folder `name` of the cache, with these Debian packages and their dependencies unpacked (see local/debian.sh).

    Raise LocalError with the reasons that the script prints (they also go to stderr), and NotHereError when this machine has no apt or
    no Debian mirror.
    """
    root = cache_dir() / name
    command = ["bash", str(_DEBIAN), suite, str(root), *packages]
    lines = []
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace") as run:
        for line in run.stderr or ():
            lines.append(line.rstrip())
            sys.stderr.write(line)
    if run.returncode != 0:
        reasons = [
            line.removeprefix("debian.sh: ") for line in lines if not line.startswith(("debian.sh: downloading", "debian.sh: unpacking"))
        ]
        kind = NotHereError if run.returncode == 3 else LocalError
        raise kind(
            f"Debian's {' '.join(packages)} can't be downloaded from {suite}: "
            + " ".join(reasons[-4:] or [f"exit status {run.returncode}"])
        )
    return root


def say(text: str) -> None:
    """Print a line of progress to stderr."""
    sys.stderr.write(f"local: {text}\n")
