"""Run an RDS endpoint for one application: a database server, a front, and a user who signs in with IAM."""

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
    """A running endpoint. `credentials` are random and valid only for this front. `password` is None if the user signs in with IAM."""

    server: Server
    front: Front
    user: str
    database: str
    credentials: Credentials = field(repr=False)
    password: str | None = field(repr=False)

    def variables(self, ca: str) -> dict[str, str]:
        """Return rdspool's settings for this endpoint. `ca` is the path of the test authority's certificate on the client."""
        settings = {
            "RDSPOOL_HOST": self.front.host,
            "RDSPOOL_PORT": str(self.front.port),
            "RDSPOOL_USER": self.user,
            "RDSPOOL_DATABASE": self.database,
            "RDSPOOL_CA": ca,
        }
        return settings | ({"RDSPOOL_PASSWORD": self.password} if self.password is not None else {})

    def role(self) -> dict[str, str]:
        """Return the environment variables with the credentials, for a process outside of Lambda."""
        return {
            "AWS_ACCESS_KEY_ID": self.credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_key,
            "AWS_SESSION_TOKEN": self.credentials.session_token or "",
            "AWS_REGION": self.front.region,
        }


@contextmanager
def start(kind: Kind = "mysql", *, iam: bool = True, host: str = HOST, schema: Path | None = None) -> Iterator[Endpoint]:
    """Run a server and a front until the block ends. Without `iam`, the user signs in with a password.

    `host` is the name in the certificate and the tokens. `schema` is a file of SQL statements to run in the database first. Raise
    LocalError when a part is missing or a statement fails.
    """
    with server.start(kind) as running:
        password = secrets.token_urlsafe(18)
        running.create_user(USER, password, database=running.database(DATABASE))
        # The function signs with the credentials that the front checks.
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
            f"{schema}: the {running.kind} server rejects a statement: {error.args[-1]}; correct it and run this again"
        ) from error
    finally:
        connection.close()
