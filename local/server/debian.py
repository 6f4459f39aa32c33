"""Run MySQL and MariaDB from Debian's packages, unpacked in a folder, with the loader and libraries of that folder."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..cache import cache_dir, debian, folder, say
from ..certificates import Authority, authority
from ..errors import LocalError
from . import mariadb, mysql
from .process import free_port, run_folder, running, tail
from .server import Kind, Server, connect_admin, version_of

# Debian stable has no MySQL. Unstable has Oracle's current release.
_PACKAGES: dict[Kind, tuple[str, str]] = {"mysql": ("sid", "mysql-server-core"), "mariadb": ("host", "mariadb-server-core")}
_DIALECTS = {"mysql": mysql, "mariadb": mariadb}
_TRIES = 3
_TIMEOUT = 60.0  # seconds; long enough for a busy machine with a cold disk
_POLL = 0.02  # seconds
_GRACE = 30.0  # seconds for an orderly end


@dataclass(frozen=True)
class Program:
    """The program of a server, and the data directory that each start copies."""

    kind: Kind
    root: Path
    command: tuple[str, ...]
    template: Path


def program(kind: Kind) -> Program:
    """Return the program of a server. The first call downloads it and initialises the data directory.

    Raise NotHereError when this machine can't use Debian's packages, and LocalError for other failures.
    """
    suite, package = _PACKAGES[kind]
    root = debian(suite, kind, package)
    loaders = [*root.glob("usr/lib64/ld-linux-*.so.*"), *root.glob("usr/lib/ld-linux-*.so.*")]
    if not loaders:
        raise LocalError(f"{root} has no dynamic loader: remove that folder and run this again.")
    libraries = ":".join(str(library.parent) for library in root.glob("usr/lib/*/libc.so.6"))
    command = [str(loaders[0]), "--library-path", libraries, str(root / _DIALECTS[kind].BINARY), "--no-defaults"]
    if os.geteuid() == 0:
        # Both servers refuse to run as root without this option.
        command.append("--user=root")
    command += _DIALECTS[kind].places(root)
    # Inside the folder of the packages, so that data and packages always have the same version.
    template = folder(root / "initialised", lambda new: _initialise(kind, command, root, new))
    return Program(kind, root, tuple(command), template / "data")


def _initialise(kind: Kind, command: list[str], root: Path, new: Path) -> None:
    say(f"initialising {kind}'s data directory (once, some seconds)")
    data, log = new / "data", new / "initialise.log"
    data.mkdir()
    options, script = _DIALECTS[kind].initialise(root)
    with log.open("wb") as output:
        run = subprocess.run([*command, f"--datadir={data}", f"--tmpdir={new}", *options], input=script, stdout=output, stderr=output)
    if run.returncode != 0:
        raise LocalError(f"{kind}'s data directory can't be initialised (status {run.returncode}). {tail(log)}")
    for name in ("auto.cnf", "private_key.pem", "public_key.pem"):
        # The identity and the RSA keys of a server. Each start creates new ones.
        (data / name).unlink(missing_ok=True)


@contextmanager
def run(program: Program, options: Sequence[str] = (), prepare: Callable[[Server], None] | None = None) -> Iterator[Server]:
    """Start the server with a copy of the data directory, on a free port, with a certificate of the cache's authority. Stop it at the end.

    `options` and `prepare` are those of `local.server.start`.
    """
    trusted = authority(cache_dir() / "authority")
    with run_folder() as place:
        password = secrets.token_urlsafe(18)
        first = place / "first.sql"
        for attempt in range(_TRIES):
            port = free_port()
            data = place / f"data{attempt}"
            _copy(program.template, data)
            # In a file, because other users can read command lines.
            with open(os.open(first, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write("\n".join(_DIALECTS[program.kind].administrators(password)) + "\n")
            administrators = [f"--init-file={first}"]
            try:
                if prepare is not None:
                    # SIGTERM, because a server with --innodb-read-only can't repair what SIGKILL leaves.
                    with _started(program, place, data, port, password, trusted, administrators, (), signal.SIGTERM) as server:
                        first.unlink()
                        prepare(server)
                    administrators = []
                with _started(program, place, data, port, password, trusted, administrators, options) as server:
                    first.unlink(missing_ok=True)
                    yield server
                return
            except _PortTakenError:
                if attempt == _TRIES - 1:
                    raise


class _PortTakenError(LocalError):
    """Another process has bound the port before the server did."""


@contextmanager
def _started(
    program: Program,
    place: Path,
    data: Path,
    port: int,
    password: str,
    trusted: Authority,
    administrators: Sequence[str],
    options: Sequence[str],
    stop: signal.Signals = signal.SIGKILL,
) -> Iterator[Server]:
    """Run the server, with the options `administrators` at its first start only."""
    certificate, key = trusted.issue(["localhost", "127.0.0.1"])
    socket = place / "s"
    command = [
        *program.command,
        *_DIALECTS[program.kind].QUICK,
        f"--datadir={data}",
        f"--tmpdir={place}",
        f"--socket={socket}",
        f"--pid-file={place / 'pid'}",
        "--bind-address=127.0.0.1",
        f"--port={port}",
        f"--ssl-ca={trusted.ca}",
        f"--ssl-cert={certificate}",
        f"--ssl-key={key}",
        *options,
    ]
    found: list[str] = []

    def ready() -> bool:
        if not socket.exists():
            return False
        try:
            connection = connect_admin(host="127.0.0.1", port=port, socket=socket, user="root", password=password)
        except LocalError:
            return False
        found.append(version_of(connection))
        connection.close()
        return True

    life = ExitStack()

    def begin(*more: str) -> None:
        what = f"{program.kind} ({program.root})"
        life.enter_context(running([*command, *more], folder=place, ready=ready, what=what, timeout=_TIMEOUT, stop=stop, grace=_GRACE))

    def restart(crash: bool) -> None:
        if not crash:
            connect_admin(host="127.0.0.1", port=port, socket=socket, user="root", password=password).query("SHUTDOWN")
            end = time.monotonic() + _TIMEOUT
            while socket.exists() and time.monotonic() < end:
                time.sleep(_POLL)
        life.close()
        socket.unlink(missing_ok=True)
        begin()

    try:
        begin(*administrators)
    except LocalError as error:
        if "address already in use" in str(error).lower():
            raise _PortTakenError(str(error)) from error
        raise
    with life:
        yield Server(
            kind=program.kind,
            version=found[-1],
            host="127.0.0.1",
            port=port,
            socket=socket,
            admin_user="root",
            admin_password=password,
            ca=trusted.ca,
            restarts=restart,
        )


def _copy(template: Path, data: Path) -> None:
    # cp can share blocks (reflink) and keep holes.
    run = subprocess.run(["cp", "-R", "--reflink=auto", "--sparse=always", str(template), str(data)], capture_output=True, text=True)
    if run.returncode != 0:
        raise LocalError(
            f"the data directory can't be copied to {data}: {run.stderr.strip()}. Free some space, or set TMPDIR to a larger file system."
        )
