"""What other people's suites need: their sources, and a server with empty databases. For tests/dialect and tests/peers."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import local.server
from local.cache import cache_dir, folder, say
from local.errors import LocalError


def source(lock: Path, environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder with the source that `lock` names (one line `name==version --hash=...`), fetched by pip on the first call.

    `environment` has variables that the source's setup asks for. Raises LocalError.
    """
    (locked,) = (line.split(" ")[0] for line in lock.read_text().splitlines() if "==" in line)
    name, _, version = locked.partition("==")
    where = cache_dir() / f"{name.lower()}-{version}-source"
    (found,) = folder(where, lambda new: _fetch(lock, new, environment or {})).iterdir()
    return found


def _fetch(lock: Path, new: Path, environment: Mapping[str, str]) -> None:
    say(f"fetching the source that {lock.name} names")
    environment = {**os.environ, **environment}
    pip = Path(sys.prefix) / ".pip"
    if pip.exists():
        environment["PYTHONPATH"] = pip.read_text()  # where Debian splits pip off, setup.sh leaves its place here
    # The build backend comes from the lock of the environment: build isolation would fetch one without a hash.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    command += ["--no-binary", ":all:", "--require-hashes", "-r", str(lock), "-d", str(new)]
    fetch = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if fetch.returncode != 0:
        raise LocalError(f"pip can't fetch the source that {lock.name} names: {(fetch.stderr or fetch.stdout).strip()}")
    (archive,) = new.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(new, filter="data")
    archive.unlink()


@contextlib.contextmanager
def prepared(kind: str, schemas: Sequence[str], user: str) -> Iterator[tuple[local.server.Server, str]]:
    """A server with these databases, empty, and a user who may do all; gives the server and the user's password. Raises LocalError."""
    password = secrets.token_urlsafe(12)
    with local.server.start(kind) as server:
        if server.ca is None:
            raise LocalError(f"the {kind} server's authority is not known, and rdspool verifies every server: add ?ca=FILE to its variable")
        there = {name for (name,) in server.execute("SHOW DATABASES")} & set(schemas)
        if there:
            raise LocalError(
                f"the {kind} server has a database {min(there)!r}, which the suites would empty: rename it, or name another server"
            )
        empty(server, schemas)
        server.execute(f"CREATE USER {user}@'%' IDENTIFIED BY '{password}'", f"GRANT ALL ON *.* TO {user}@'%'")
        try:
            yield server, password
        finally:
            server.execute(f"DROP USER {user}@'%'", *(f"DROP DATABASE IF EXISTS {name}" for name in schemas))


def empty(server: local.server.Server, schemas: Sequence[str]) -> None:
    """Make these databases, or make them anew."""
    for name in schemas:
        server.execute(f"DROP DATABASE IF EXISTS {name}")
        server.database(name, charset="utf8mb4")


def options(server: local.server.Server, driver: str) -> dict[str, Any]:
    """Return the options with which `driver` (rdspool or mysqlconnector) verifies the server, and stock does what rdspool does unasked."""
    if driver == "rdspool":
        return {"ca": str(server.ca)}
    given: dict[str, Any] = {"ssl_ca": str(server.ca), "ssl_verify_cert": True, "use_pure": True}
    if server.kind == "mariadb":
        given["collation"] = "utf8mb4_general_ci"  # its own choice is MySQL's, which MariaDB refuses
    return given


def as_query(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the options as the query of an URL has them."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in options.items()}
