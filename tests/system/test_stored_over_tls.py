"""The authorities that verify AWS's own endpoints: those of AWS_CA_BUNDLE, as for botocore. A real server, and AWS's API over HTTPS."""

from __future__ import annotations

import json
import secrets
from types import SimpleNamespace

import boto3
import pytest
from connections import connection_id
from rdspool import CredentialsError, get_engine
from rdspool.__main__ import main
from rdspool._aws import stored
from sqlalchemy import exc
from tls_before_aws import TlsBefore

from local.certificates import authority

SERVICE = "secretsmanager.eu-central-1.amazonaws.com"
VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    """An authority that no system knows."""
    return authority(tmp_path_factory.mktemp("private"))


@pytest.fixture
def kept(aws, password_target, monkeypatch):
    """The arguments of two engines, whose password is in a secret and in a parameter. No proxy and no authorities are set."""
    for name in [*VARIABLES, "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"]:
        monkeypatch.delenv(name, raising=False)
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    name, given = f"shop/{secrets.token_hex(4)}", dict(password_target)
    text = json.dumps({"username": given.pop("user"), "password": given.pop("password")})
    api = {"endpoint_url": aws.address, "region_name": "eu-central-1"}
    boto3.client("secretsmanager", **api).create_secret(Name=name, SecretString=text)
    boto3.client("ssm", **api).put_parameter(Name=f"/{name}", Value=password_target["password"], Type="SecureString")
    yield SimpleNamespace(
        secret={**given, "secret": name}, parameter={**given, "user": password_target["user"], "password_parameter": f"/{name}"}
    )
    stored.forget()


@pytest.fixture
def over_tls(aws, private, monkeypatch):
    """Return a function that puts TLS before the API, as an endpoint or as a proxy."""
    started = []

    def start(way="endpoint"):
        before = TlsBefore(aws.address, *private.issue(["localhost", SERVICE]))
        started.append(before)
        if way == "proxy":
            monkeypatch.delenv("AWS_ENDPOINT_URL")
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{before.port}")
        else:
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{before.port}")
        return before

    yield start
    for before in started:
        before.__exit__(None, None, None)


def reads(aws):
    return len(aws.calls("GetSecretValue"))


def refused(kept):
    with pytest.raises((CredentialsError, exc.OperationalError)) as caught:
        connection_id(get_engine(**kept.secret))
    error = getattr(caught.value, "orig", caught.value)
    assert isinstance(error, CredentialsError)
    return str(error)


def botocore_reads(kept):
    return boto3.client("secretsmanager", region_name="eu-central-1").get_secret_value(SecretId=kept.secret["secret"])["SecretString"]


@pytest.mark.parametrize("way", ["endpoint", "proxy"])
@pytest.mark.parametrize("variable", VARIABLES)
def test_its_authority_is_that_of_the_variable(aws, kept, over_tls, private, monkeypatch, variable, way):
    before = over_tls(way)
    monkeypatch.setenv(variable, str(private.ca))
    connection_id(get_engine(**kept.secret))
    assert botocore_reads(kept)
    assert reads(aws) == 2
    assert before.tunnels == ([f"{SERVICE}:443"] * 2 if way == "proxy" else [])


def test_a_parameter_is_read_in_the_same_way(kept, over_tls, private, monkeypatch):
    over_tls()
    monkeypatch.setenv("AWS_CA_BUNDLE", str(private.ca))
    connection_id(get_engine(**kept.parameter))


@pytest.mark.parametrize("way", ["endpoint", "proxy"])
def test_without_the_variable_the_error_names_it(aws, kept, over_tls, way):
    over_tls(way)
    said = refused(kept)
    assert "was not verified with the system's authorities" in said
    assert "set AWS_CA_BUNDLE to a PEM file" in said
    assert "VPC endpoint" not in said
    assert reads(aws) == 0


def test_a_file_that_is_missing_is_named(aws, kept, over_tls, monkeypatch):
    over_tls()
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nosuch.pem")
    said = refused(kept)
    assert f"the secret '{kept.secret['secret']}' in eu-central-1 could not be read: " in said
    assert "AWS_CA_BUNDLE is '/nosuch.pem'" in said
    assert reads(aws) == 0


def test_an_endpoint_that_speaks_something_else(kept, monkeypatch):
    """The port of the database, say."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{kept.secret['port']}")
    said = refused(kept)
    assert "can't be read as HTTP" in said
    assert "VPC endpoint" not in said


def test_in_a_function(kept, over_tls, private, start_function, monkeypatch):
    before = over_tls()
    function = start_function(
        "import sys\nfrom rdspool import get_engine\nfrom sqlalchemy import text\nengine = get_engine()\n"
        "def handler(event, context):\n    with engine.connect() as connection:\n"
        "        return [connection.execute(text('SELECT 1')).scalar_one(), 'botocore' in sys.modules]\n",
        RDSPOOL_USER="",
        RDSPOOL_SECRET=kept.secret["secret"],
        AWS_ENDPOINT_URL=f"https://localhost:{before.port}",
        AWS_CA_BUNDLE=str(private.ca),
    )
    assert function.invoke({}) == [1, False]


# -- the doctor --------------------------------------------------------------------------------------------------------------------------


def principal(kept, monkeypatch, capsys):
    for name, value in kept.secret.items():
        monkeypatch.setenv(f"RDSPOOL_{name.upper()}", str(value))
    main(["doctor", "--json"])
    report = json.loads(capsys.readouterr().out)
    return report, next(step for step in report["steps"] if step["step"] == "principal")


def test_the_doctor_asks_sts_in_the_same_way(kept, over_tls, private, monkeypatch, capsys):
    over_tls()
    monkeypatch.setenv("AWS_CA_BUNDLE", str(private.ca))
    report, found = principal(kept, monkeypatch, capsys)
    assert report["failed"] == []
    assert found["outcome"] == "ok", found


def test_the_doctor_names_the_variable(kept, over_tls, monkeypatch, capsys):
    over_tls()
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nosuch.pem")
    report, found = principal(kept, monkeypatch, capsys)
    assert report["failed"] == ["token"]
    assert "AWS_CA_BUNDLE is '/nosuch.pem'" in next(step for step in report["steps"] if step["step"] == "token")["cause"]
    assert found["outcome"] == "skipped"
    assert "AWS_CA_BUNDLE is '/nosuch.pem'" in found["found"]
    assert "usual" not in found["found"]
