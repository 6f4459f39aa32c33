"""The sources of the suites that no wheel has: fetched by pip, with a hash, once."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

from local.cache import cache_dir, folder, say
from local.errors import LocalError

LOCKS = Path(__file__).with_name("sources")


def fetched(name: str) -> Path:
    """Return the folder with the source that `sources/<name>.txt` names. Raises LocalError."""
    lock = LOCKS / f"{name}.txt"
    (version,) = (line.split(" ")[0].partition("==")[2] for line in lock.read_text().splitlines() if "==" in line)
    (found,) = folder(cache_dir() / f"{name}-{version}-source", lambda new: _fetch(lock, new)).iterdir()
    return found


def _fetch(lock: Path, new: Path) -> None:
    say(f"fetching the source that {lock.name} names")
    environment = dict(os.environ)
    pip = Path(sys.prefix) / ".pip"
    if pip.exists():
        environment["PYTHONPATH"] = pip.read_text()  # where Debian splits pip off, setup.sh leaves its place here
    # The build backend comes from the lock of the environment: build isolation would fetch one without a hash.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    command += ["--no-binary", ":all:", "--require-hashes", "-r", str(lock), "-d", str(new)]
    fetch = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if fetch.returncode != 0:
        raise LocalError(f"pip can't fetch the source that {lock.name} names: {(fetch.stderr or fetch.stdout).strip()}")
    (archive,) = new.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        source.extractall(new, filter="data")
    archive.unlink()
