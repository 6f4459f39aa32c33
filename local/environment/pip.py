"""Run the virtual environment's pip, to install wheels from the hash locks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ..cache import cache_dir
from .errors import PartMissingError

SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")


def pip(what: str, *arguments: str | Path, variables: Mapping[str, str] | None = None) -> None:
    """Run pip to get `what`, with additional environment variables. Raise PartMissingError with pip's reason when it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *(str(argument) for argument in arguments)]
    environment = {**_variables(), **(variables or {})}
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False
    )
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith("WARNING")]
        reason = " / ".join(lines[-3:]) or f"pip ended with status {done.returncode}"
        raise PartMissingError(
            f"{what} can't be downloaded: {reason}. Check the network and pip's index settings (pip config list), then run it again."
        )


def _variables() -> dict[str, str]:
    """Return pip's environment variables, with Debian's pip and certificates if local/setup.sh uses them on this machine."""
    variables = dict(os.environ)
    borrowed = Path(sys.prefix) / ".pip"
    if borrowed.is_file():
        variables["PYTHONPATH"] = borrowed.read_text()
    bundle = cache_dir() / "ca-certificates" / "bundle.pem"
    if bundle.is_file() and not any(Path(system).exists() for system in SYSTEM_BUNDLES):
        variables.setdefault("PIP_CERT", str(bundle))
    return variables
