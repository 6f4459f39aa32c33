"""Find the CPython that runs the function."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, cast

from ..cache import cache_dir, locked, say
from ..cache import folder as kept_folder
from .errors import PartMissingError

SCRIPT = Path(__file__).resolve().parent.parent / "python.sh"
PROBE = "import json, sys; print(json.dumps([list(sys.version_info[:3]), sys.base_prefix]))"


@dataclass(frozen=True)
class Interpreter:
    """A CPython. `prefix` is mounted at /var/lang in the sandbox, and `usr` (with the libraries that it needs) at /usr."""

    executable: Path
    version: tuple[int, int, int]
    prefix: Path

    @property
    def minor(self) -> str:
        return f"{self.version[0]}.{self.version[1]}"

    @property
    def usr(self) -> Path:
        # An unpacked Debian Python needs the C library of its own root, because the host's can be older.
        return self.prefix if self.prefix.name == "usr" else Path("/usr")

    def relocated(self) -> Path | None:
        """Return a copy of the executable that uses /lib*/ld-linux*, if it uses a loader in a folder of this machine; otherwise None."""
        content = (self.prefix / "bin" / f"python{self.minor}").read_bytes()
        named = re.search(re.escape(str(self.usr.parent).encode()) + rb"/(?:usr/)?(lib[0-9]*/ld-linux[^\0/]*)\0", content)
        if named is None or self.usr == Path("/usr"):
            return None
        plain = b"/" + named[1]
        changed = content[: named.start()] + plain.ljust(len(named[0]), b"\0") + content[named.end() :]
        name = f"python{self.minor}"

        def make(folder: Path) -> None:
            (folder / name).write_bytes(changed)
            (folder / name).chmod(0o755)

        return kept_folder(cache_dir() / "environment" / f"{name}-{hashlib.sha256(changed).hexdigest()[:16]}", make) / name


@cache
def interpreter(minor: str) -> Interpreter:
    """Return a working CPython of the minor version ("3.13"). Raise PartMissingError with the reason of python.sh when there is none."""
    reasons = []
    with subprocess.Popen(
        ["bash", str(SCRIPT), minor], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as found:
        for line in cast(IO[str], found.stderr):
            reasons.append(line.rstrip())
            sys.stderr.write(line)
            sys.stderr.flush()
        path = cast(IO[str], found.stdout).read().strip()
    if found.returncode != 0:
        raise PartMissingError(
            f"CPython {minor} for the Lambda environment: {(reasons or [f'python.sh ended with status {found.returncode}'])[-1]}"
        )
    probe = subprocess.run([path, "-I", "-c", PROBE], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        raise PartMissingError(f"CPython {minor} for the Lambda environment: {path} does not run: {probe.stderr.strip()}")
    version, prefix = json.loads(probe.stdout)
    major, minor_number, patch = version
    python = Interpreter(Path(path), (major, minor_number, patch), Path(prefix))
    if python.usr != Path("/usr"):
        _compile(python)
    return python


def _compile(python: Interpreter) -> None:
    """Compile the standard library once. Without it, each cold start would do it, because Debian compiles only during an installation."""
    library = python.prefix / "lib" / f"python{python.minor}"
    done = library / ".compiled"
    with locked(done):
        if done.exists():
            return
        say(f"compiling the standard library of Python {python.minor} (once)")
        skip = ("-x", r"/(test|tests|idlelib|turtledemo|lib2to3)/")
        command = [
            str(python.executable),
            "-I",
            "-m",
            "compileall",
            "-q",
            "-j",
            "0",
            "--invalidation-mode",
            "unchecked-hash",
            *skip,
            str(library),
        ]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise PartMissingError(
                f"the standard library in {library} can't be compiled: {(ran.stdout + ran.stderr).strip()[-300:]}; is the disk full?"
            )
        done.touch()
