"""Mistakes that people make, in a function with Lambda's default limit of 3 s and in a terminal: each message comes in time, and names what
happened, the object, and the fix.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from layer.matrix import PROJECT
from local.certificates import authority
from local.environment.runtime_api import HOSTS, FunctionProcess, LambdaEnvironmentError
from local.front.faults import Accept, Error, SignIn, Silence
from tests.function_rig import variables_of

HANDLER = """
from rdspool import get_engine
from sqlalchemy import text

engine = get_engine()


def handler(event, context):
    {body}
"""
QUERY = 'with engine.connect() as connection:\n        return connection.execute(text("SELECT 1")).scalar_one()'
NESTED = 'with engine.connect(), engine.connect() as connection:\n        return connection.execute(text("SELECT 1")).scalar_one()'
SLOW = 'with engine.connect() as connection:\n        return connection.execute(text("SELECT SLEEP(20)")).scalar_one()'
LARGE = (
    'with engine.connect() as connection:\n        return connection.execute(text("SELECT LENGTH(:it)"), {"it": "x" * 2**27}).scalar_one()'
)
OTHER = 'with engine.connect() as connection:\n        return connection.execute(text("SELECT * FROM nowhere")).all()'


@dataclass(frozen=True)
class Mistake:
    """change: variables, None for one that is missing; a name in braces stands for a value of the tests. says: what the message has. body: of the handler."""

    name: str
    says: tuple[str, ...]
    change: dict[str, str | None] = field(default_factory=dict)
    body: str = QUERY
    fault: tuple[object, object] | None = None
    only_in_lambda: bool = False


ENDPOINT = "app.cluster-c1abcdefghij.eu-central-1.rds.amazonaws.com"
MISTAKES = [
    Mistake("no host", ("RDSPOOL_HOST is not set: set it to the endpoint",), {"RDSPOOL_HOST": None}),
    Mistake(
        "another tool's variables",
        ("rdspool does not read DB_HOST: give the value of DB_HOST to RDSPOOL_HOST",),
        {"RDSPOOL_HOST": None, "DB_HOST": "{host}"},
    ),
    Mistake(
        "a misspelt variable",
        ("RDSPOOL_USERNAME is no setting of rdspool (did you mean RDSPOOL_USER?)",),
        {"RDSPOOL_USER": None, "RDSPOOL_USERNAME": "app"},
    ),
    Mistake("an argument as a variable", ("RDSPOOL_POOL_SIZE", "call get_engine(pool_size=...)"), {"RDSPOOL_POOL_SIZE": "5"}),
    Mistake("a number with a unit", ("RDSPOOL_POOL_RECYCLE is '5m': set it to a whole number of seconds",), {"RDSPOOL_POOL_RECYCLE": "5m"}),
    Mistake(
        "a typing error in the host",
        ("'ap.c1abcdefghij.eu-central-1.rds.amazonaws.invalid' has no address", "check RDSPOOL_HOST for a typing error"),
        {"RDSPOOL_HOST": "ap.c1abcdefghij.eu-central-1.rds.amazonaws.invalid", "RDSPOOL_REGION": "eu-central-1"},
    ),
    Mistake(
        "a security group that lets nothing in",
        (f"{ENDPOINT}:", "did not answer within", "check that the function is in the database's VPC", "security group"),
        {"RDSPOOL_PORT": "{silent}"},
    ),
    Mistake("a port on which nothing listens", ("Connection refused", "Check RDSPOOL_HOST and RDSPOOL_PORT"), {"RDSPOOL_PORT": "{closed}"}),
    Mistake(
        "a port of another service", ("does not speak as MySQL does", "Check RDSPOOL_HOST and RDSPOOL_PORT"), {"RDSPOOL_PORT": "{http}"}
    ),
    Mistake("a server that does not greet", (f"{ENDPOINT}:", "did not greet as MySQL does"), fault=(Accept(), Silence())),
    Mistake(
        "a server that stops in the sign-in",
        (f"{ENDPOINT}:", "stopped answering in the middle of the sign-in"),
        fault=(SignIn(), Silence()),
    ),
    Mistake("another authority", ("is not signed by", "(RDSPOOL_CA)", "leave RDSPOOL_CA out"), {"RDSPOOL_CA": "{other_ca}"}),
    Mistake(
        "a file of authorities that is not there", ("RDSPOOL_CA is '/opt/ca.pem', which is no file here",), {"RDSPOOL_CA": "/opt/ca.pem"}
    ),
    Mistake(
        "a host that is an alias",
        ("'shop.internal.example'", "set RDSPOOL_ENDPOINT to the endpoint's own name"),
        {"RDSPOOL_HOST": "{alias}"},
    ),
    Mistake(
        "a user who is not for IAM",
        ("Access denied for user 'plain'", "AWSAuthenticationPlugin", "rdspool doctor"),
        {"RDSPOOL_USER": "plain"},
    ),
    Mistake("a role that may not connect as this user", ("rds-db:connect", "/app;", "rdspool doctor"), {"AWS_SECRET_ACCESS_KEY": "wrong"}),
    Mistake(
        "credentials without the session token",
        ("ASIAXXXXXXXXXXXXXXXX", "AWS_SESSION_TOKEN is not set", "set all three variables"),
        {"AWS_SESSION_TOKEN": None, "AWS_ACCESS_KEY_ID": "ASIAXXXXXXXXXXXXXXXX"},
    ),
    Mistake(
        "no credentials",
        ("no AWS credentials", "give the function a role", "aws sso login"),
        {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_SESSION_TOKEN": None},
    ),
    Mistake(
        "a wrong password",
        ("check RDSPOOL_USER ('plain') and RDSPOOL_PASSWORD",),
        {"RDSPOOL_USER": "plain", "RDSPOOL_PASSWORD": "wrong-one"},
    ),
    Mistake("a database that is not there", ("has no database 'shopp': check RDSPOOL_DATABASE",), {"RDSPOOL_DATABASE": "shopp"}),
    Mistake(
        "the region of another database",
        ("RDSPOOL_REGION is 'us-east-1'", "is in eu-central-1", "leave RDSPOOL_REGION out"),
        {"RDSPOOL_REGION": "us-east-1"},
    ),
    Mistake(
        "too many connections",
        (f"{ENDPOINT}:", "Too many connections", "bound the function's concurrency", "It was tried"),
        fault=(Accept(), Error(1040)),
    ),
    Mistake("a connection within another", ("are all in use", "within another one", "pool_size=2"), body=NESTED),
    Mistake("a statement longer than the limit", ("the invocation's time", "Make the statement faster"), body=SLOW, only_in_lambda=True),
    Mistake("a value larger than the server takes", ("its max_allowed_packet", "it was not run", "Send less at once"), body=LARGE),
    Mistake("a table that is not there", ("Table 'app.nowhere' doesn't exist", "SELECT * FROM nowhere"), body=OTHER),
    Mistake(
        "a development setting in Lambda",
        ("RDSPOOL_DEVELOPMENT", "AWS_LAMBDA_FUNCTION_NAME is set", "Leave RDSPOOL_DEVELOPMENT out"),
        {"RDSPOOL_USER": "plain", "RDSPOOL_PASSWORD": "wrong-one", "RDSPOOL_DEVELOPMENT": "true"},
        only_in_lambda=True,
    ),
]


@contextmanager
def listening(answer: bytes | None) -> Iterator[int]:
    """Give the port of a server that answers each connection so; None: whose queue is full, so that no connect is ever answered."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        if answer is None:
            waiting = [socket.socket() for _ in range(4)]
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            yield port
            for one in waiting:
                one.close()
            return

        def serve() -> None:
            try:
                while True:
                    accepted, _ = server.accept()
                    with accepted:
                        accepted.sendall(answer)
            except OSError:
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield port


@pytest.fixture(scope="module")
def ports():
    with listening(None) as silent, listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as http, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield {"silent": str(silent), "http": str(http), "closed": str(bound.getsockname()[1])}


@pytest.fixture
def front(mysql, fronts):
    found = fronts(mysql)
    found.clear_faults()
    yield found
    found.clear_faults()


@pytest.fixture
def messages(front, credentials, ports, tmp_path):
    """Return a function that returns what a person reads who makes the mistake, in Lambda and, if it can be made there, in a terminal."""

    def read(mistake):
        values = {**ports, "host": front.host, "alias": "shop.internal.example", "other_ca": str(authority(tmp_path / "other").ca)}
        variables = variables_of(front, credentials)
        for name, value in mistake.change.items():
            variables.pop(name, None)
            if value is not None:
                variables[name] = value.format(**values)
        hosts = {front.host: front.address, "shop.internal.example": front.address}
        (tmp_path / "handler.py").write_text(HANDLER.format(body=mistake.body))
        if mistake.fault:
            when, do = mistake.fault
            front.fault(when=when, do=do, times=None)
        with FunctionProcess(tmp_path, variables=variables, hosts=hosts) as process:
            with pytest.raises(LambdaEnvironmentError) as caught:
                process.invoke({})
            error = json.loads(str(caught.value))
        yield error["errorMessage"], error["stackTrace"]
        if not mistake.only_in_lambda:
            command = [sys.executable, "-c", "import handler; handler.handler({}, None)"]
            path = os.pathsep.join(map(str, (HOSTS, PROJECT / "python")))
            environment = {"PATH": os.environ["PATH"], "FUNCTION_PROCESS_HOSTS": json.dumps(hosts), "PYTHONPATH": path, **variables}
            ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
            assert ran.returncode == 1
            lines = ran.stderr.splitlines()
            last = max(number for number, line in enumerate(lines) if line and not line.startswith((" ", "[", "(")))
            yield "\n".join(lines[last:]), lines[:last]

    return read


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake(messages, credentials, mistake):
    for message, trace in messages(mistake):
        for part in mistake.says:
            assert part in message
        shown = "\n".join([message, *trace])
        assert "wrong-one" not in shown
        assert credentials.secret_key not in shown
        assert credentials.session_token not in shown
