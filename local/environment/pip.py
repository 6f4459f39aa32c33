"""Wheels from the hash locks, through the virtual environment's own pip."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ..cache import cache_dir
from .errors import PartMissingError

SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")


def pip(what: str, *arguments: str | Path) -> None:
    """Run pip; raise PartMissingError, with its reason, where it fails to get `what`."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *(str(argument) for argument in arguments)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_variables(), check=False
    )
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith("WARNING")]
        reason = " / ".join(lines[-3:]) or f"pip ended with status {done.returncode}"
        raise PartMissingError(
            f"{what} can't be had: {reason}. Check the network and pip's index settings (pip config list), then run it again."
        )


def _variables() -> dict[str, str]:
    """local/setup.sh borrows Debian's pip and certificates where the machine has none; so does this."""
    variables = dict(os.environ)
    borrowed = Path(sys.prefix) / ".pip"
    if borrowed.is_file():
        variables["PYTHONPATH"] = borrowed.read_text()
    bundle = cache_dir() / "ca-certificates" / "bundle.pem"
    if bundle.is_file() and not any(Path(system).exists() for system in SYSTEM_BUNDLES):
        variables.setdefault("PIP_CERT", str(bundle))
    return variables
