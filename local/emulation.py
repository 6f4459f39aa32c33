"""Run a function's code on a processor that this machine does not have: QEMU translates, and the Python is Debian's.

It is no Lambda environment: the code runs in a process of its own, without the runtime client and the emulator of Lambda, which QEMU would
have to translate too. The file system is that of a function: /var/task, /opt, nothing that can be written but /tmp.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from .cache import debian
from .environment import parts
from .environment.sandbox import GROUP, USER, make_etc
from .errors import NotHereError

ARCHITECTURES = {"arm64": "qemu-aarch64"}
"""Debian's names of the architectures, and QEMU's program for each."""
SUITES = {"3.13": "trixie", "3.14": "sid"}
"""The suite of Debian that has each Python."""


def run(
    code: str,
    *,
    python: str,
    architecture: str,
    task: Path,
    opt: Path,
    variables: Mapping[str, str],
    hosts: Mapping[str, str],
    files: Mapping[str, Path],
    timeout: float = 600,
) -> subprocess.CompletedProcess[str]:
    """Run Python code with `task` at /var/task and `opt` at /opt, and return what it printed.

    hosts: names and their addresses. files: further files, by their path below /etc. timeout: in seconds. Raise NotHereError where Debian
    does not have the Python for the architecture, LocalError when a part can't be downloaded.
    """
    if architecture not in ARCHITECTURES or python not in SUITES:
        raise NotHereError(f"Debian has no Python {python} for {architecture}: use a machine with {architecture}")
    root = debian(f"{SUITES[python]}:{architecture}", f"python{python}-{architecture}", f"python{python}", "ca-certificates")
    qemu = debian("trixie", "qemu", "qemu-user") / "usr" / "bin" / ARCHITECTURES[architecture]
    with TemporaryDirectory() as scratch:
        etc = Path(scratch, "etc")
        make_etc(etc, hosts, files)
        mounts: list[str | Path] = []
        for source, place in {root / "usr": "/usr", task: "/var/task", opt: "/opt", etc: "/etc", qemu: "/var/rapid/qemu"}.items():
            mounts += ["--ro-bind", source.resolve(), place]
        for place, source in files.items():
            mounts += ["--ro-bind", source.resolve(), place]
        for name in ("bin", "sbin", "lib", "lib64"):
            mounts += ["--symlink", f"usr/{name}", f"/{name}"]
        apart = [
            "--unshare-user",
            "--uid",
            str(USER),
            "--gid",
            str(GROUP),
            "--unshare-pid",
            "--unshare-ipc",
            "--die-with-parent",
            "--new-session",
        ]
        command = [*parts.sandbox(), *mounts, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", *apart, "--remount-ro", "/"]  # noqa: S108 - in the sandbox
        command += ["--chdir", "/var/task", "/var/rapid/qemu", f"/usr/bin/python{python}", "-c", code]
        environment = {"PATH": "/usr/bin", "LANG": "C.UTF-8", "PYTHONPATH": "/var/task:/opt/python", **variables}
        return subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, timeout=timeout)
