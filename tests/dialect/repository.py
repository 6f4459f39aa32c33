"""The tests of SQLAlchemy's repository that exercise a dialect: where they come from and which they are."""

import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

from local.cache import cache_dir, folder, say
from local.errors import LocalError

VERSION = version("SQLAlchemy")
LOCK = Path(__file__).with_name("repository.txt")
TESTS = ("test/dialect", "test/engine", "test/sql", "test/base", "test/ext", "test/orm")


def available() -> bool:
    """Return whether the lock names the source of the SQLAlchemy that is installed."""
    return f"sqlalchemy=={VERSION} " in LOCK.read_text()


def fetched() -> Path:
    """Return the folder with SQLAlchemy's source, fetched by pip on the first call. Raises LocalError."""
    return folder(cache_dir() / f"sqlalchemy-{VERSION}-source", _fetch) / f"sqlalchemy-{VERSION}"


def _fetch(new: Path) -> None:
    say(f"fetching SQLAlchemy {VERSION}'s source")
    environment = dict(os.environ)
    pip = Path(sys.prefix) / ".pip"
    if pip.exists():
        environment["PYTHONPATH"] = pip.read_text()  # where Debian splits pip off, setup.sh leaves its place here
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    command += ["--no-binary", ":all:", "--require-hashes", "-r", str(LOCK), "-d", str(new)]
    fetch = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if fetch.returncode != 0:
        raise LocalError(f"pip can't fetch the source that {LOCK.name} names: {(fetch.stderr or fetch.stdout).strip()}")
    (archive,) = new.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        source.extractall(new, filter="data")
    archive.unlink()


def arguments() -> list[str]:
    """Return pytest's arguments for the tests that SQLAlchemy itself runs on each database."""
    options = ["-q", "-o", "addopts=", "--tb", "short", "-p", "no:cacheprovider", "-p", "no:timeout", "-p", "warnings", "-p", "logging"]
    return [*options, "--backend-only", *TESTS]
