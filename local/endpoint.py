"""An RDS endpoint for one application on this machine: a server with its database, a front before it, a user who signs in with IAM."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pymysql
from pymysql.constants import CLIENT

from . import environment, front, server
from .errors import LocalError
from .front import Credentials, Front
from .front.client import HOST
from .server import Kind, Server

DATABASE = "app"
USER = "app"


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint. `credentials` are random ones that only this front knows; `password` is None where IAM signs in."""

    server: Server
    front: Front
    user: str
    database: str
    credentials: Credentials = field(repr=False)
    password: str | None = field(repr=False)

    def variables(self, ca: str) -> dict[str, str]:
        """Return rdspool's settings for it; `ca` is where the client finds the test authority's certificate."""
        settings = {
            "RDSPOOL_HOST": self.front.host,
            "RDSPOOL_PORT": str(self.front.port),
            "RDSPOOL_USER": self.user,
            "RDSPOOL_DATABASE": self.database,
            "RDSPOOL_CA": ca,
        }
        return settings | ({"RDSPOOL_PASSWORD": self.password} if self.password is not None else {})

    def role(self) -> dict[str, str]:
        """Return the variables that hand the credentials to a process outside of Lambda."""
        return {
            "AWS_ACCESS_KEY_ID": self.credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_key,
            "AWS_SESSION_TOKEN": self.credentials.session_token or "",
            "AWS_REGION": self.front.region,
        }


@contextmanager
def start(kind: Kind = "mysql", *, iam: bool = True, host: str = HOST, schema: Path | None = None) -> Iterator[Endpoint]:
    """Run server and front for as long as the block lasts. Without `iam` the user signs in with a password.

    `host` is the name that certificate and tokens are for. `schema` is a file of SQL statements that are run in the database first.
    """
    with server.start(kind) as running:
        password = secrets.token_urlsafe(18)
        running.create_user(USER, password, database=running.database(DATABASE))
        # The same in both worlds: what the function signs with is what the front knows.
        credentials = Credentials(**asdict(environment.Credentials.random()))
        if schema is not None:
            _run(running, schema)
        with front.start(running, users={USER: password} if iam else {}, credentials=credentials, host=host) as before:
            yield Endpoint(running, before, USER, DATABASE, credentials, None if iam else password)


def _run(running: Server, schema: Path) -> None:
    connection = running.connect(database=DATABASE, client_flag=CLIENT.MULTI_STATEMENTS)
    try:
        with connection.cursor() as cursor:
            cursor.execute(schema.read_text())
            while cursor.nextset():
                pass
    except pymysql.err.MySQLError as error:
        raise LocalError(
            f"{schema}: the {running.kind} server refuses a statement: {error.args[-1]}; correct it and run this again"
        ) from error
    finally:
        connection.close()
