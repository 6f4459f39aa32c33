"""The authorities that verify AWS's own endpoints: those of AWS_CA_BUNDLE, as for botocore. A real server, and AWS's API over HTTPS."""

from __future__ import annotations

import json
import secrets
import ssl
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest
from connections import connection_id
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
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
    """Return a function that puts TLS before the API, with this certificate, as an endpoint or as a proxy."""
    started = []

    def start(way="endpoint", pair=None):
        before = TlsBefore(aws.address, *(pair or private.issue(["localhost", SERVICE])))
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


def test_the_first_variable_that_is_set_counts(kept, over_tls, private, monkeypatch):
    over_tls()
    monkeypatch.setenv("AWS_CA_BUNDLE", str(private.ca))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nosuch.pem")
    connection_id(get_engine(**kept.secret))


def test_an_empty_variable_is_not_set(kept, over_tls, private, monkeypatch):
    """For some releases of botocore, it turned verification off."""
    over_tls()
    monkeypatch.setenv("AWS_CA_BUNDLE", "")
    assert "the system's authorities" in refused(kept)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(private.ca))
    connection_id(get_engine(**kept.secret))


@pytest.mark.parametrize("way", ["endpoint", "proxy"])
def test_without_the_variable_the_error_names_it(aws, kept, over_tls, way):
    over_tls(way)
    said = refused(kept)
    assert "was not verified with the system's authorities" in said
    assert "set AWS_CA_BUNDLE to a PEM file" in said
    assert "VPC endpoint" not in said
    assert reads(aws) == 0


def test_verification_that_is_turned_off_for_the_process_stays_on_here(aws, kept, over_tls, monkeypatch):
    over_tls()
    monkeypatch.setattr(ssl, "_create_default_https_context", ssl._create_unverified_context)
    assert "was not verified" in refused(kept)
    assert reads(aws) == 0


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("content", [None, "", "not a certificate\n"], ids=["missing", "empty", "text"])
def test_a_file_without_a_certificate(aws, kept, over_tls, tmp_path, monkeypatch, variable, content):
    over_tls()
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv(variable, str(file))
    said = refused(kept)
    assert f"{variable} is '{file}', which can't be read as a PEM file of certificates" in said
    assert reads(aws) == 0


def test_an_authority_that_is_not_in_the_file(aws, kept, over_tls, monkeypatch, tmp_path):
    over_tls()
    file = authority(tmp_path).ca
    monkeypatch.setenv("AWS_CA_BUNDLE", str(file))
    said = refused(kept)
    assert f"was not verified with the authorities of AWS_CA_BUNDLE ('{file}')" in said
    assert f"add its certificate to '{file}'" in said
    assert reads(aws) == 0


@pytest.mark.parametrize(("names", "expired", "words"), [(["db.test"], False, "mismatch"), (["localhost"], True, "expired")])
def test_a_certificate_that_no_other_file_makes_good(aws, kept, over_tls, private, monkeypatch, names, expired, words):
    over_tls(pair=private.issue(names, expired))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(private.ca))
    said = refused(kept)
    assert words in said
    assert "add its certificate" not in said
    assert reads(aws) == 0


def test_an_authority_without_key_identifiers(kept, over_tls, monkeypatch, tmp_path):
    """Such as that of many a company: since Python 3.13, ssl's default context refuses it, and botocore does not."""
    ca, *pair = without_key_identifiers(tmp_path)
    over_tls(pair=pair)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(ca))
    assert botocore_reads(kept)
    connection_id(get_engine(**kept.secret))


def without_key_identifiers(folder):
    """Return the paths of an authority's certificate, a server's, and the server's key."""
    now, keys = datetime.now(UTC), [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("authority", "localhost")]
    pems = []
    for number, extension in enumerate(
        (x509.BasicConstraints(ca=True, path_length=None), x509.SubjectAlternativeName([x509.DNSName("localhost")]))
    ):
        made = x509.CertificateBuilder(names[0], names[number], keys[number].public_key(), x509.random_serial_number())
        made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        pems.append(made.add_extension(extension, critical=False).sign(keys[0], hashes.SHA256()).public_bytes(Encoding.PEM))
    pems.append(keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files = [folder / name for name in ("ca.pem", "server.pem", "server.key")]
    for file, pem in zip(files, pems, strict=True):
        file.write_bytes(pem)
    return files


def test_a_request_in_clear_needs_no_authorities(aws, kept, monkeypatch):
    """An AWS API on the developer's machine, often without TLS."""
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nosuch.pem")
    connection_id(get_engine(**kept.secret))
    assert reads(aws) == 1


@pytest.mark.parametrize("url", ["127.0.0.1:4566", "//127.0.0.1", "ftp://127.0.0.1"])
def test_an_endpoint_that_is_no_url(kept, monkeypatch, url):
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    assert f"{url}/ is no URL of https or http" in refused(kept)


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
