"""Install packages that only one contender may import, in a folder that is last on that contender's sys.path."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from local.cache import cache_dir, folder, say
from local.environment.pip import pip

from . import connector_c
from .contenders import BY_NAME

HERE = Path(__file__).resolve().parent
COMPILER = HERE / "compiler.txt"


def extras(name: str) -> Path | None:
    """Return the folder with the packages of contenders/NAME.txt, which are downloaded once into the cache; None without such a file.

    Packages on Connector/C are compiled. Raise PartMissingError when pip can't install them, LocalError when a part of Debian is missing.
    """
    locked = HERE / "contenders" / f"{name}.txt"
    if not locked.is_file():
        return None
    if not BY_NAME[name].connector_c:
        return _installed(name, locked)

    def compile_all(target: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="rdspool-bench-") as place:
            variables = connector_c.variables(_installed("compiler", COMPILER), Path(place))
            _install(name, locked, target, "--no-build-isolation", "--no-binary", name, variables=variables)

    return _folder(name, [locked, COMPILER, connector_c.libraries() / "pkgconfig" / "libmariadb.pc"], compile_all)


def _installed(name: str, locked: Path) -> Path:
    return _folder(name, [locked], lambda target: _install(name, locked, target))


def _folder(name: str, sources: list[Path], make: Callable[[Path], None]) -> Path:
    stamp = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    return folder(cache_dir() / "bench" / f"{name}-{sys.version_info.major}.{sys.version_info.minor}-{stamp}", make)


def _install(name: str, locked: Path, target: Path, *options: str, variables: Mapping[str, str] | None = None) -> None:
    say(f"installing {name} for the benchmark (once)")
    arguments = ["install", "--no-deps", "--require-hashes", *options, "--target", target, "--requirement", locked]
    pip(f"{name} of the benchmark", *arguments, variables=variables)
