"""The temporary folder of a running environment. It is removed at the end, or later if the process was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

PREFIX = "rdspool-environment-"
GRACE_SECONDS = 60  # for the time between the creation of a folder and its lock


class Scratch:
    """A temporary folder that is locked while it is in use."""

    def __init__(self) -> None:
        _sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        shutil.rmtree(self.folder)
        os.close(self._lock)


def _sweep() -> None:
    """Remove the folders that killed processes of this user have left."""
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            status = old.lstat()
            if status.st_uid != os.getuid() or time.time() - status.st_ctime < GRACE_SECONDS:
                continue
            lock = os.open(old, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # Another process has removed it.
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(old, ignore_errors=True)
        finally:
            os.close(lock)
