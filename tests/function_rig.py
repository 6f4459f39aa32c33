"""A real server, the RDS front before it, and function processes that sign in to it: what the soak and the fleet run on."""

from __future__ import annotations

import os
import platform
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import local.front
import local.server
from local.environment.runtime_api import FunctionProcess
from local.front import Credentials, Front
from local.server import Kind, Server

DATABASE = "app"
USER = "app"
"""Signs in with IAM."""
OTHER = "other"
"""A user who is no function's."""


@dataclass(frozen=True)
class Rig:
    """A server with a database, and an endpoint before it."""

    server: Server
    front: Front
    credentials: Credentials
    passwords: Mapping[str, str] = field(repr=False)

    def variables(self, **more: str) -> dict[str, str]:
        """Return the variables of a function that uses the endpoint; `more` override them."""
        return variables_of(self.front, self.credentials, **more)

    def process(self, task: Path, *, variables: Mapping[str, str], timeout: float) -> FunctionProcess:
        """Return a process of the function in the folder `task`, whose init may still be under way. `timeout` is in seconds."""
        return FunctionProcess(task, variables=variables, timeout=timeout, hosts={self.front.host: self.front.address})

    def sessions(self, user: str = USER) -> list[int]:
        """Return the numbers of the user's sessions on the server."""
        return session_ids(self.server, user)


def variables_of(front: Front, credentials: Credentials, **more: str) -> dict[str, str]:
    """Return the variables of a function that signs in at the front with these credentials; `more` override them."""
    return {
        "RDSPOOL_HOST": front.host,
        "RDSPOOL_PORT": str(front.port),
        "RDSPOOL_USER": USER,
        "RDSPOOL_DATABASE": DATABASE,
        "RDSPOOL_CA": str(front.ca_file),
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": str(credentials.session_token),
        "AWS_REGION": front.region,
        **more,
    }


def session_ids(server: Server, user: str | None = None) -> list[int]:
    """Return the numbers of the sessions on the server, of one user or of all."""
    which = "" if user is None else f" WHERE USER = '{user}'"
    return [row[0] for row in server.execute(f"SELECT ID FROM information_schema.PROCESSLIST{which}")]


@contextmanager
def rig(kind: Kind, *, options: Sequence[str] = ()) -> Iterator[Rig]:
    """Run a server with these options and an endpoint before it. Raise LocalError where one of them can't run."""
    credentials = Credentials("AKIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30), secrets.token_urlsafe(700))
    passwords = {user: secrets.token_urlsafe(12) for user in (USER, OTHER)}
    with local.server.start(kind, options=options) as server:
        server.database(DATABASE, charset="utf8mb4")
        for user, password in passwords.items():
            server.create_user(user, password)
        with local.front.start(server, users={USER: passwords[USER]}, credentials=credentials) as front:
            yield Rig(server, front, credentials, passwords)


def versions(server: Server) -> str:
    """Return a line about what ran: versions and machine."""
    names = ("rdspool", "SQLAlchemy", "mysql-connector-python")
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    brand = "MySQL" if server.kind == "mysql" else "MariaDB"
    return f"{packages}, Python {platform.python_version()}, {brand} {server.version}, {os.cpu_count()} cores"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table in Markdown."""
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (head, ["---"] * len(head), *rows))
