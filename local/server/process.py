"""A server's process: started under a guard, waited for, stopped, its log shown when it fails."""

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
# sun_path holds 108 bytes; what tools make of a socket's name (".lock" and the like) must fit, too.
_LONGEST_FOLDER = 80
# What a server may see of this process's environment: no credentials.
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
_POLL = 0.02  # seconds


@contextmanager
def run_folder() -> Iterator[Path]:
    """A private folder with a short path, for one server's socket, data and log; removed at the end."""
    base = tempfile.gettempdir()
    if len(os.fsencode(base)) > _LONGEST_FOLDER - len("/rdspool-12345678"):
        base = "/tmp"  # noqa: S108 (mkdtemp makes a private folder in it)
    folder = Path(tempfile.mkdtemp(prefix="rdspool-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listened on just now."""
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
    """Run `command` (its output goes to folder/error.log) until the block ends or this process does, whatever ends it.

    `ready` is asked until it says yes; LocalError with the log's tail if the server ends before, or after `timeout` seconds.
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
            # Ctrl-C at a terminal is for this process, which then ends the server in its own time.
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
            # Closes its standard input, which is the sign to stop.
            guard.communicate(timeout=grace + 10)
        except subprocess.TimeoutExpired:
            guard.kill()
            guard.wait()


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a server's log, introduced by its name."""
    try:
        text = log.read_text(errors="replace").strip().splitlines()[-lines:]
    except OSError as error:
        return f"It left no log ({error})."
    return "\n  ".join(["The end of its log:", *text]) if text else "Its log is empty."
