"""The function's file system: what is mounted where, and the command that makes it so."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .errors import LambdaEnvironmentError
from .interpreter import Interpreter

# Of the machine's /etc a function needs these to resolve names and to verify the servers of others; the rest is none of its business.
COPIED = ("resolv.conf", "ssl/openssl.cnf")
CERTIFICATES = Path("/etc/ssl/certs")
# Whoever runs a function on Lambda: a user who owns nothing.
USER, GROUP = 993, 990
SHM, TMP = "/dev/shm", "/tmp"  # noqa: S108 - of the environment, not of this machine
MOUNTED = ("usr", "lib", "lib64", "bin", "sbin", "proc", "dev", "opt", "var")


@dataclass(frozen=True)
class Mounts:
    """The folders and files of one environment, on this machine."""

    interpreter: Interpreter
    emulator: Path
    runtime: Path
    task: Path
    opt: Path
    etc: Path
    records: Path
    files: Mapping[str, Path]
    executable: Path | None  # takes the place of the interpreter's own


def make_etc(folder: Path, hosts: Mapping[str, str], files: Mapping[str, Path]) -> None:
    """Fill the folder for /etc: the names in `hosts`, the machine's public certificates, and a place for each of `files` below /etc."""
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
            raise LambdaEnvironmentError(f"files: {source}, meant for {name}, does not exist")
        if place.parts[1] == "etc":
            target = folder.joinpath(*place.parts[2:])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.mkdir() if source.is_dir() else target.touch()


def _inside(name: str) -> PurePosixPath:
    place = PurePosixPath(name)
    if not place.is_absolute() or ".." in place.parts or len(place.parts) < 2:
        raise LambdaEnvironmentError(f"files: {name!r} is no absolute path; name one such as /etc/ssl/certs/test.pem")
    if place.parts[1] in MOUNTED:
        raise LambdaEnvironmentError(
            f"files: {name} lies in a read-only folder of the environment; put it into the layer or the function, or below /etc"
        )
    return place


def command(bubblewrap: list[str], mounts: Mounts, info: int, inner: list[str]) -> list[str]:
    """Return the command that runs `inner` as the environment's first process. No secret is in it: variables go by the process's own."""
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
    # What somebody installed there for other uses is not on Lambda.
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
