"""Run an RDS endpoint for one application: a database server, a front, and a user who signs in with IAM."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pymysql
from pymysql.constants import CLIENT

from . import environment, front, server
from .cache import cache_dir
from .certificates import authority
from .environment import Environment
from .errors import LocalError
from .front import Credentials, Front
from .front.client import HOST, REGION
from .server import Kind, Server

DATABASE = "app"
USER = "app"
CA = "/etc/ssl/certs/rdspool-test-ca.pem"
"""The path of the test authority's certificate in Lambda environments."""


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint. `credentials` are random and valid only for this front. `password` is None if the user signs in with IAM."""

    server: Server
    front: Front
    user: str
    database: str
    credentials: Credentials = field(repr=False)
    password: str | None = field(repr=False)
    passwords: Mapping[str, str] = field(repr=False)
    """Of the users on the server who sign in with IAM."""

    def settings(self) -> dict[str, str]:
        """Return rdspool's settings for this endpoint, but for RDSPOOL_CA."""
        settings = _settings(self.front.host, self.front.port, self.database)
        return settings | ({"RDSPOOL_PASSWORD": self.password} if self.password is not None else {})

    def variables(self, ca: str) -> dict[str, str]:
        """Return rdspool's settings for this endpoint. `ca` is the path of the test authority's certificate on the client."""
        return {**self.settings(), "RDSPOOL_CA": ca}

    def role(self) -> dict[str, str]:
        """Return the environment variables with the credentials, for a process outside of Lambda."""
        return _role(self.credentials)

    def environment(self, *, variables: Mapping[str, str] | None = None, **options: Any) -> Environment:
        """Return an environment whose function reaches this endpoint, with rdspool's settings and the role. It is not started yet.

        `variables` are further ones. `options` are those of Environment.
        """
        reached = {
            "credentials": self.credentials,
            "region": self.front.region,
            "hosts": {self.front.host: self.front.address},
            "files": {CA: self.front.ca_file},
        }
        return Environment(variables={**self.variables(CA), **(variables or {})}, **{**reached, **options})


def new_credentials() -> Credentials:
    """Return random credentials of a role."""
    return Credentials(**asdict(environment.Credentials.random()))


def variables(*, host: str, port: int, credentials: Credentials) -> dict[str, str]:
    """Return rdspool's settings and the role of an endpoint before it is started with these arguments, for a process outside of Lambda."""
    ca = authority(cache_dir() / "authority").ca
    return {**_settings(host, port, DATABASE), "RDSPOOL_CA": str(ca), "RDSPOOL_REGION": REGION, **_role(credentials)}


def _settings(host: str, port: int, database: str) -> dict[str, str]:
    return {"RDSPOOL_HOST": host, "RDSPOOL_PORT": str(port), "RDSPOOL_USER": USER, "RDSPOOL_DATABASE": database}


def _role(credentials: Credentials) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.session_token or "",
        "AWS_REGION": REGION,
    }


@contextmanager
def start(
    kind: Kind = "mysql",
    *,
    iam: bool = True,
    host: str = HOST,
    port: int = 0,
    schema: Path | None = None,
    credentials: Credentials | None = None,
    databases: Sequence[str] = (),
) -> Iterator[Endpoint]:
    """Run a server and a front until the block ends. Without `iam`, the user signs in with a password.

    `host` is the name in the certificate and the tokens. `port` is the front's, 0 for a free one. `schema` is a file of SQL statements to run
    in the database first. `credentials` are the function's, by default random ones. `databases` are further ones that the user may use.
    Raise LocalError when a part is missing or a statement fails.
    """
    with server.start(kind) as running:
        password = secrets.token_urlsafe(18)
        for name in (DATABASE, *databases):
            running.create_user(USER, password, database=running.database(name))
        # The function signs with the credentials that the front checks.
        credentials = credentials or new_credentials()
        if schema is not None:
            run_file(running, DATABASE, schema)
        passwords = {USER: password} if iam else {}
        with front.start(running, users=passwords, credentials=credentials, host=host, port=port) as before:
            yield Endpoint(running, before, USER, DATABASE, credentials, None if iam else password, passwords)


@contextmanager
def beside(first: Endpoint, database: str, *, schema: Path | None = None) -> Iterator[Endpoint]:
    """Run another endpoint before the server of `first` until the block ends: for one of its other databases, with the same user and role."""
    if schema is not None:
        run_file(first.server, database, schema)
    host = f"{database.lower().replace('_', '-')}.{HOST.partition('.')[2]}"
    with front.start(first.server, users=first.passwords, credentials=first.credentials, host=host) as before:
        yield replace(first, front=before, database=database)


def run_file(running: Server, database: str, schema: Path) -> None:
    """Run a file of SQL statements in a database. Raise LocalError when the server rejects one."""
    connection = running.connect(database=database, client_flag=CLIENT.MULTI_STATEMENTS)
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
