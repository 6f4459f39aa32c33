"""The file system of the function: the mounts, and the command line of bubblewrap."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .errors import LambdaEnvironmentError
from .interpreter import Interpreter

# The files of this machine's /etc that the function needs to resolve names and to verify public servers.
COPIED = ("resolv.conf", "ssl/openssl.cnf")
CERTIFICATES = Path("/etc/ssl/certs")
# The user of functions on Lambda, who owns no files.
USER, GROUP = 993, 990
SHM, TMP = "/dev/shm", "/tmp"  # noqa: S108 - paths in the environment, not on this machine
MOUNTED = ("usr", "lib", "lib64", "bin", "sbin", "proc", "dev", "opt", "var")


@dataclass(frozen=True)
class Mounts:
    """The folders and files of this machine that one environment mounts."""

    interpreter: Interpreter
    emulator: Path
    runtime: Path
    task: Path
    opt: Path
    etc: Path
    records: Path
    files: Mapping[str, Path]
    executable: Path | None  # replaces the interpreter's executable


def make_etc(folder: Path, hosts: Mapping[str, str], files: Mapping[str, Path]) -> None:
    """Create the folder for /etc: the names in `hosts`, the public certificates, and a mount point for each of `files` below /etc.

    Raise LambdaEnvironmentError when one of `files` does not exist or can't be mounted.
    """
    folder.mkdir()
    names = "".join(f"{address} {name}\n" for name, address in hosts.items())
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n{names}")
    (folder / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    (folder / "passwd").write_text(f"root:x:0:0:root:/root:/bin/sh\nsbx_user1051:x:{USER}:{GROUP}::/home/sbx_user1051:/sbin/nologin\n")
    (folder / "group").write_text(f"root:x:0:\nsbx_user1051:x:{GROUP}:\n")
    for name in COPIED:
        if (Path("/etc") / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path("/etc") / name, folder / name)
    certificates = folder / "ssl" / "certs"
    certificates.mkdir(parents=True)
    for entry in CERTIFICATES.iterdir() if CERTIFICATES.is_dir() else ():
        if entry.is_file():
            shutil.copyfile(entry, certificates / entry.name)
    for name, source in files.items():
        place = _inside(name)
        if not source.exists():
            raise LambdaEnvironmentError(f"files: {source}, to be mounted at {name}, does not exist")
        if place.parts[1] == "etc":
            target = folder.joinpath(*place.parts[2:])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.mkdir() if source.is_dir() else target.touch()


def _inside(name: str) -> PurePosixPath:
    place = PurePosixPath(name)
    if not place.is_absolute() or ".." in place.parts or len(place.parts) < 2:
        raise LambdaEnvironmentError(f"files: {name!r} is not an absolute path; name one such as /etc/ssl/certs/test.pem")
    if place.parts[1] in MOUNTED:
        raise LambdaEnvironmentError(
            f"files: {name} is in a read-only folder of the environment; put it into the layer or the function, or below /etc"
        )
    return place


def command(bubblewrap: list[str], mounts: Mounts, info: int, inner: list[str]) -> list[str]:
    """Return the command line that runs `inner` as the first process of the environment.

    It contains no secrets, because the function inherits the variables of the process. `info` is the file descriptor to which bubblewrap
    writes the process id.
    """
    arguments: list[str | Path | int] = []

    def read_only(source: Path, target: str) -> None:
        arguments.extend(("--ro-bind", source, target))

    usr = mounts.interpreter.usr
    read_only(usr, "/usr")
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        if (usr / name).is_dir():
            arguments.extend(("--symlink", f"usr/{name}", f"/{name}"))
        elif (usr.parent / name).is_dir():
            read_only((usr.parent / name).resolve(), f"/{name}")
    arguments.extend(("--proc", "/proc", "--dev", "/dev", "--tmpfs", SHM, "--remount-ro", SHM, "--tmpfs", TMP))
    read_only(mounts.interpreter.prefix, "/var/lang")
    # Hide packages that were installed there for other purposes.
    for name in (f"lib/python{mounts.interpreter.minor}/site-packages", "lib/python3/dist-packages"):
        if (mounts.interpreter.prefix / name).is_dir():
            arguments.extend(("--tmpfs", f"/var/lang/{name}", "--remount-ro", f"/var/lang/{name}"))
    if mounts.executable is not None:
        for folder in ("/usr/bin", "/var/lang/bin"):
            read_only(mounts.executable, f"{folder}/python{mounts.interpreter.minor}")
    read_only(mounts.runtime, "/var/runtime")
    read_only(mounts.task, "/var/task")
    read_only(mounts.opt, "/opt")
    read_only(mounts.etc, "/etc")
    for name, source in mounts.files.items():
        read_only(source.resolve(), name)
    read_only(mounts.emulator, "/var/rapid/aws-lambda-rie")
    read_only(mounts.records, "/var/rapid/records")
    arguments.extend(("--unshare-user", "--uid", USER, "--gid", GROUP, "--unshare-pid", "--as-pid-1", "--unshare-ipc", "--unshare-uts"))
    arguments.extend(("--die-with-parent", "--new-session", "--remount-ro", "/", "--chdir", "/var/task", "--info-fd", info))
    return [*bubblewrap, *(str(argument) for argument in arguments), *inner]
