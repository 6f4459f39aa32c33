"""Install packages that only one contender may import, in a folder that is last on that contender's sys.path."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from local.cache import cache_dir, folder, say
from local.environment.pip import pip

LOCKS = Path(__file__).resolve().parent / "contenders"


def extras(name: str) -> Path | None:
    """Return the folder with the packages of contenders/NAME.txt, which are downloaded once into the cache; None without such a file.

    Raise PartMissingError when pip can't install them.
    """
    locked = LOCKS / f"{name}.txt"
    if not locked.is_file():
        return None
    stamp = hashlib.sha256(locked.read_bytes()).hexdigest()[:16]

    def make(target: Path) -> None:
        say(f"downloading the packages of the contender {name!r} (once)")
        pip(f"the contender {name!r}", "install", "--no-deps", "--require-hashes", "--target", target, "--requirement", locked)

    return folder(cache_dir() / "bench" / f"{name}-{sys.version_info.major}.{sys.version_info.minor}-{stamp}", make)
