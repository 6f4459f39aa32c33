"""The packages beside which rdspool's lines, metrics and spans are tested, in the versions of their lock."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from local.cache import cache_dir, folder, say
from local.environment.pip import pip

LOCK = Path(__file__).resolve().parents[2] / "tests" / "observability" / "requirements.txt"


def python() -> Path:
    """Return the interpreter of an environment that has them, and SQLAlchemy 2.0, the newest that OpenTelemetry's instrumentation takes."""
    name = hashlib.sha256(LOCK.read_bytes() + f"{sys.base_prefix} {sys.version}".encode()).hexdigest()[:16]

    def make(new: Path) -> None:
        say("installing Powertools and OpenTelemetry, from tests/observability/requirements.txt (once; half a minute or so)")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", new], check=True)
        how = ("--require-hashes", "--only-binary", ":all:", "-r", LOCK)
        pip("Powertools and OpenTelemetry", "--python", new / "bin" / "python", "install", *how)

    return folder(cache_dir() / "observability" / f"python-{name}", make) / "bin" / "python"


def packages() -> Path:
    """Return the folder of the packages."""
    (found,) = (python().parents[1] / "lib").glob("python3.*/site-packages")
    return found
