"""Run the process of a server: start it under a guard, wait until it is ready, stop it, and show its log when it fails."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..errors import LocalError

_GUARD = Path(__file__).with_name("guard.py")
# sun_path has 108 bytes. The names that servers derive from the socket's path (with .lock) must fit too.
_LONGEST_FOLDER = 80
# The variables that a server inherits. They contain no credentials.
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
_POLL = 0.02  # seconds


@contextmanager
def run_folder() -> Iterator[Path]:
    """Create a private folder with a short path for the socket, data and log of a server. Remove it at the end."""
    base = tempfile.gettempdir()
    if len(os.fsencode(base)) > _LONGEST_FOLDER - len("/rdspool-12345678"):
        base = "/tmp"  # noqa: S108 (mkdtemp creates a private folder in it)
    folder = Path(tempfile.mkdtemp(prefix="rdspool-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def running(
    command: Sequence[str],
    *,
    folder: Path,
    ready: Callable[[], bool],
    what: str,
    timeout: float,
    stop: signal.Signals = signal.SIGKILL,
    grace: float = 5.0,
    environment: dict[str, str] | None = None,
) -> Iterator[None]:
    """Run `command` until the block or this process ends, also if this process is killed. Its output goes to folder/error.log.

    The block starts when `ready` returns True. Raise LocalError with the end of the log when the server ends before that, or is not
    ready after `timeout` seconds. stop: the signal that ends the server. grace: seconds until SIGKILL. environment: more variables.
    """
    log = folder / "error.log"
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | (environment or {})
    with log.open("ab") as output:
        guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), str(folder), str(int(stop)), str(grace), *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=passed,
            # In a new session, Ctrl-C reaches only this process, which then ends the server.
            start_new_session=True,
        )
    try:
        limit = time.monotonic() + timeout
        while not ready():
            if guard.poll() is not None:
                raise LocalError(f"{what} ended with status {guard.returncode} at its start. {tail(log)}")
            if time.monotonic() > limit:
                raise LocalError(f"{what} did not answer within {timeout:.0f} s. {tail(log)}")
            time.sleep(_POLL)
        yield
    finally:
        try:
            # Closes stdin of the guard, which then stops the server.
            guard.communicate(timeout=grace + 10)
        except subprocess.TimeoutExpired:
            guard.kill()
            guard.wait()


def tail(log: Path, lines: int = 12) -> str:
    """Return the last lines of a server's log, for an error message."""
    try:
        text = log.read_text(errors="replace").strip().splitlines()[-lines:]
    except OSError as error:
        return f"There is no log ({error})."
    return "\n  ".join(["The end of its log:", *text]) if text else "Its log is empty."
