"""Fixtures for all tests: real servers, the RDS front before them, and a clean slate for the process's engines."""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack, contextmanager

import pytest
from rdspool import creator, engine
from rdspool._driver import compiled, resumption

import local.front
import local.server
from local.front.client import HOST
from local.front.names import resolved

IAM_USER = "app"
IAM_USERS_PASSWORD = secrets.token_urlsafe(12)
PASSWORD_USER = "plain"
PASSWORD = secrets.token_urlsafe(12)
REGION = "eu-central-1"


@pytest.fixture(scope="session")
def credentials():
    """Return the credentials that the front knows. The session token is as long as a role's."""
    return local.front.Credentials("AKIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30), secrets.token_urlsafe(700))


@contextmanager
def prepared_server(kind):
    with local.server.start(kind) as server:
        server.database("app", charset="utf8mb4")
        server.create_user(IAM_USER, IAM_USERS_PASSWORD)
        server.create_user(PASSWORD_USER, PASSWORD)
        yield server


@pytest.fixture(scope="session")
def mysql():
    """Return a MySQL server with the database and users of the tests."""
    with prepared_server("mysql") as server:
        yield server


@pytest.fixture(scope="session")
def mariadb():
    """Return a MariaDB server with the database and users of the tests."""
    with prepared_server("mariadb") as server:
        yield server


@contextmanager
def kept_fronts(credentials):
    """Give a function that starts a front before a server, one per set of options, each kept to the end of the block."""
    with ExitStack() as stack:
        kept = {}

        def front_of(server, **options):
            key = (server.kind, *sorted((name, repr(value)) for name, value in options.items()))
            if key not in kept:
                options.setdefault("users", {IAM_USER: IAM_USERS_PASSWORD})
                options.setdefault("host", HOST)
                kept[key] = stack.enter_context(local.front.start(server, credentials=credentials, region=REGION, **options))
            return kept[key]

        yield front_of


@pytest.fixture(scope="session")
def fronts(credentials):
    """Return a function that starts a front before a server, kept to the end of the session, one per set of options."""
    with kept_fronts(credentials) as front_of:
        yield front_of


@pytest.fixture(scope="module")
def module_fronts(credentials):
    """Return what `fronts` does; these fronts, and the connections to the server that they keep, end with the module."""
    with kept_fronts(credentials) as front_of:
        yield front_of


@pytest.fixture(scope="module", params=["c", "python"])
def each_decoder(request):
    """Let rows be read in C, then in Python."""
    assert compiled.in_c is not None, "_compiled.c was not compiled into this tree: run the tests with tests/run.sh"
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "python":
            patched.setattr(compiled, "in_c", None)
        yield request.param


@pytest.fixture(scope="session", params=["mysql", "mariadb"])
def server(request):
    """Return each kind of server in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def session_front(server, fronts):
    """Return the front before the server, with its defaults."""
    return fronts(server)


@pytest.fixture
def front(session_front):
    """Return the front before the server, its faults and delays cleared, its name resolved in this process."""
    session_front.clear_faults()
    session_front.clock(0)
    with resolved(session_front.host):
        yield session_front
    session_front.clear_faults()
    session_front.clock(0)


@pytest.fixture
def function_environment(monkeypatch, credentials):
    """Set the environment of a function: its role's credentials and its region, and no settings of rdspool."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "RDSPOOL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", credentials.session_token)
    monkeypatch.setenv("AWS_REGION", REGION)


@pytest.fixture(autouse=True)
def clean_slate():
    """Begin each test without engines and kept tokens, and close the connections that it made."""
    yield
    for _, _, made in engine._engines.values():
        made.dispose()
    engine._engines.clear()
    creator._tokens.clear()
    resumption.forget()


@pytest.fixture
def target(front, function_environment):
    """Return the arguments of get_engine() for the IAM user behind the front."""
    return {"host": front.host, "port": front.port, "user": IAM_USER, "database": "app", "ca": str(front.ca_file)}


@pytest.fixture
def password_target(target):
    """Return the arguments of get_engine() for the user with a password."""
    return {**target, "user": PASSWORD_USER, "password": PASSWORD}
