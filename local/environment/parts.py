"""The parts of an environment: emulator, runtime client, sandbox. Each is downloaded once into the cache."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import zipfile
from functools import cache
from pathlib import Path

from ..cache import cache_dir, debian, say
from ..cache import folder as kept_folder
from .errors import PartMissingError
from .interpreter import Interpreter
from .pip import pip

HERE = Path(__file__).resolve().parent
BOOTSTRAP = HERE / "bootstrap.py"
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
# All tags that the host's C library may satisfy, because pip does not add the older tags that a tag implies.
WHEEL_TAGS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")


def _architecture() -> str:
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        raise PartMissingError(f"AWS does not build the Lambda emulator for {machine}; use a machine with x86_64 or arm64")
    return ARCHITECTURES[machine]


def _stamp(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


@cache
def emulator() -> Path:
    """Return AWS's aws-lambda-rie binary for this machine, from the pinned aws-sam-cli wheel. Raise PartMissingError when it is not available."""
    locked = HERE / "requirements-emulator.txt"
    name = f"aws-lambda-rie-{_architecture()}"

    def make(folder: Path) -> None:
        say("downloading the Lambda emulator (8 MB, once)")
        options = ("--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", folder, "--requirement", locked)
        pip("the Lambda emulator (aws-lambda-rie in the aws-sam-cli wheel)", "download", *options)
        wheel = next(folder.glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            (folder / name).write_bytes(archive.read(f"samcli/local/rapid/{name}"))
        (folder / name).chmod(0o755)
        wheel.unlink()

    return kept_folder(cache_dir() / "environment" / f"emulator-{_stamp(locked)}", make) / name


@cache
def runtime(python: Interpreter) -> Path:
    """Return the folder for /var/runtime: bootstrap.py, awslambdaric and the AWS SDK, compiled for `python`.

    Raise PartMissingError when it is not available.
    """
    locked = HERE / "requirements-runtime.txt"

    def make(folder: Path) -> None:
        say(f"downloading the Lambda runtime client for Python {python.minor} (once)")
        machine = "aarch64" if _architecture() == "arm64" else "x86_64"
        tags = [f"--platform={tag}_{machine}" for tag in WHEEL_TAGS]
        target = ("--python-version", python.minor, "--implementation", "cp", *tags, "--target", str(folder))
        options = ("--no-compile", "--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement", str(locked))
        pip(f"the Lambda runtime client (awslambdaric for Python {python.minor})", "install", *target, *options)
        shutil.copy(BOOTSTRAP, folder / BOOTSTRAP.name)
        (folder / "lib").mkdir()
        if not any(python.usr.glob("lib/*-linux-gnu/libstdc++.so.6")) and not any(python.usr.glob("lib*/libstdc++.so.6")):
            _standard_library(folder / "lib")
        _compile(python, folder)

    # Another build of the same version may need libstdc++ when this one does not, so the prefix is part of the name.
    place = hashlib.sha256(str(python.usr).encode()).hexdigest()[:8]
    name = f"runtime-{'.'.join(map(str, python.version))}-{place}-{_stamp(locked, BOOTSTRAP)}"
    return kept_folder(cache_dir() / "environment" / name, make)


def _compile(python: Interpreter, folder: Path) -> None:
    options = ("--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", "/var/runtime", str(folder))
    done = subprocess.run([str(python.executable), "-I", "-m", "compileall", "-q", *options], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stdout + done.stderr).strip().splitlines()[-1:] or [f"status {done.returncode}"]
        raise PartMissingError(
            f"the Lambda runtime client for Python {python.minor} can't be compiled in {folder}: {reason[0]}; is the disk full?"
        )


def _standard_library(folder: Path) -> None:
    """Copy libstdc++ for awslambdaric's extension module. /var/runtime/lib is on Lambda's LD_LIBRARY_PATH."""
    root = debian("host", "libstdc++", "libstdc++6")
    for name in ("libstdc++.so.6", "libgcc_s.so.1"):
        library = next(path for lib in ("usr/lib", "lib") for path in root.glob(f"{lib}/*-linux-gnu/{name}"))
        shutil.copy(library.resolve(), folder / name)


@cache
def sandbox() -> list[str]:
    """Return the command of bubblewrap: that of this machine if it works, otherwise Debian's from the cache.

    Raise PartMissingError when it is not available.
    """
    own = shutil.which("bwrap")
    if own and _refusal([own]) is None:
        return [own]
    root = debian("host", "bubblewrap", "bubblewrap")
    # Use the loader and libraries of its own root. LD_LIBRARY_PATH can't be used, because the variables are those of the function.
    loader = next(path for pattern in ("lib64/ld-linux-*.so.*", "lib/ld-linux-*.so.*") for path in sorted(root.glob(pattern)))
    libraries = ":".join(str(path) for folder in ("usr/lib", "lib") for path in sorted((root / folder).glob("*-linux-gnu")))
    command = [str(loader), "--library-path", libraries, str(root / "usr" / "bin" / "bwrap")]
    if refusal := _refusal(command):
        raise PartMissingError(
            f"the sandbox (bubblewrap) can't create a user namespace on this machine: {refusal}. As root, allow it: "
            "sysctl kernel.unprivileged_userns_clone=1 (Debian), sysctl kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu), "
            "or start the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
        )
    return command


def _refusal(bubblewrap: list[str]) -> str | None:
    trial = ["--unshare-user", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "/bin/true"]
    done = subprocess.run([*bubblewrap, *trial], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else (done.stderr.strip() or f"status {done.returncode}")
