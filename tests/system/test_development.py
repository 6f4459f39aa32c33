"""A database of one's own: real servers whose certificate they made themselves, or without TLS, as docker compose starts them."""

from __future__ import annotations

import json
import logging
import secrets
import subprocess
import sys

import pytest
from rdspool import CertificateError, SettingsError, SignInError, get_engine
from rdspool.__main__ import main
from sqlalchemy import create_engine, exc, text
from sqlalchemy.engine import URL

import local.server
from local.front.names import resolved

PASSWORD = secrets.token_urlsafe(12)
SELF_MADE = ["--ssl-ca=ca.pem", "--ssl-cert=server-cert.pem", "--ssl-key=server-key.pem"]
"""The files that MySQL made itself, in its data directory, when that was initialised."""
SERVERS = {
    "mysql, its own certificate": ("mysql", SELF_MADE, True),
    "mysql, no TLS": ("mysql", ["--tls-version="], False),
    "mariadb, a certificate of an unknown authority": ("mariadb", [], True),
    "mariadb, no TLS": ("mariadb", ["--skip-ssl"], False),
}


class Own:
    """A server, whether it offers TLS, and the arguments of get_engine() for it."""

    def __init__(self, server, encrypts):
        self.server, self.encrypts = server, encrypts
        self.target = {
            "host": "127.0.0.1",
            "port": server.port,
            "user": "app",
            "password": PASSWORD,
            "database": "app",
            "development": True,
        }


@pytest.fixture(scope="module", params=SERVERS)
def running(request):
    kind, options, encrypts = SERVERS[request.param]
    with local.server.start(kind, options=options) as server:
        server.database("app", charset="utf8mb4")
        server.create_user("app", PASSWORD)
        yield Own(server, encrypts)


@pytest.fixture
def own(running, monkeypatch):
    for name in ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_EXECUTION_ENV", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    return running


def cipher(connection):
    return connection.execute(text("SHOW SESSION STATUS LIKE 'Ssl_cipher'")).one()[1]


def refused(kind, **target):
    with pytest.raises(exc.OperationalError) as caught, get_engine(**target).connect():
        pass
    assert isinstance(caught.value.orig, kind), caught.value
    return str(caught.value.orig)


def test_a_password_signs_in_and_each_connect_warns(own, caplog):
    """The second time the server knows the password, so caching_sha2_password goes another way."""
    own.server.execute("FLUSH PRIVILEGES")
    engine = get_engine(**own.target)
    for _ in range(2):
        with engine.connect() as connection:
            assert connection.execute(text("SELECT DATABASE()")).scalar_one() == "app"
            assert bool(cipher(connection)) is own.encrypts
        engine.dispose()
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 2
    for warning in warnings:
        assert "RDSPOOL_DEVELOPMENT" in warning
        assert ("NOT verified" if own.encrypts else "NO TLS") in warning
        assert PASSWORD not in warning


def test_the_warning_is_seen_without_any_configuration_of_logging(own):
    program = f"from rdspool import get_engine; get_engine(**{own.target!r}).connect().close()"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "RDSPOOL_DEVELOPMENT: a connection to 127.0.0.1" in ran.stderr


def test_a_wrong_password_is_refused(own):
    message = refused(SignInError, **{**own.target, "password": "not-it"})
    assert "RDSPOOL_PASSWORD" in message
    assert "not-it" not in message


def test_the_url_of_create_engine(own):
    engine = create_engine(URL.create("mysql+rdspool", "app", PASSWORD, "127.0.0.1", own.server.port, "app", {"development": "true"}))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_a_named_engine_says_it_itself(own, monkeypatch):
    """One of the two databases of a program can be RDS: what holds for the one is not taken over by the other."""
    monkeypatch.setenv("RDSPOOL_DEVELOPMENT", "true")
    for name, value in own.target.items():
        monkeypatch.setenv(f"RDSPOOL_REPORTING_{name.upper()}", str(value))
    with get_engine("reporting").connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    monkeypatch.delenv("RDSPOOL_REPORTING_DEVELOPMENT")
    with pytest.raises(SettingsError):
        get_engine("reporting", connect_timeout=3)


# -- the way there: what the messages say ----------------------------------------------------------------------------------------------


def test_no_message_leads_in_a_circle(own):
    """From the first attempt on, with and without a region, the next message names the setting."""
    target = {name: value for name, value in own.target.items() if name != "development"}
    with pytest.raises(SettingsError, match=r"RDSPOOL_DEVELOPMENT=true"):
        get_engine(**{**target, "password": None})
    with pytest.raises(SettingsError, match=r"RDSPOOL_DEVELOPMENT=true"):
        get_engine("second", **target)
    message = refused(CertificateError, **target, region="eu-central-1")
    assert "RDSPOOL_DEVELOPMENT=true" in message
    assert "python -m local up" in message


@pytest.mark.parametrize("running", ["mysql, its own certificate"], indirect=True)
def test_the_servers_own_authority_does_not_help(own):
    """MySQL's own certificate has no name in it, and its own authority is not as RFC 5280 wants it."""
    ((folder,),) = own.server.execute("SELECT @@datadir")
    target = {name: value for name, value in own.target.items() if name != "development"}
    assert "RDSPOOL_DEVELOPMENT=true" in refused(CertificateError, **target, ca=f"{folder}ca.pem")


# -- what it is not for -------------------------------------------------------------------------------------------------------------------


def test_a_server_with_the_certificate_of_rds_is_refused(front, password_target, server):
    """An alias, or a tunnel, that leads to RDS: its certificate says so, and no password is sent."""
    with resolved("db.internal.example"):
        message = refused(CertificateError, **{**password_target, "host": "db.internal.example", "ca": None, "development": True})
    assert "leads to an RDS endpoint" in message
    assert front.connections()[-1].sign_in == ""


@pytest.mark.parametrize("variable", ["AWS_LAMBDA_FUNCTION_NAME", "AWS_EXECUTION_ENV", "AWS_LAMBDA_RUNTIME_API"])
def test_a_function_is_refused(own, monkeypatch, variable):
    monkeypatch.setenv(variable, "x")
    with pytest.raises(SettingsError, match=f"RDSPOOL_DEVELOPMENT.*{variable}|development.*{variable}"):
        get_engine(**own.target)


def test_a_real_function_is_refused(front, start_function, password_target):
    """local/'s environment of a function counts as Lambda."""
    function = start_function(
        "from rdspool import get_engine\nget_engine()\ndef handler(event, context):\n    return 1\n",
        RDSPOOL_HOST="127.0.0.1",
        RDSPOOL_CA="",
        RDSPOOL_PASSWORD="x",
        RDSPOOL_DEVELOPMENT="true",
    )
    with pytest.raises(Exception, match="RDSPOOL_DEVELOPMENT"):
        function.invoke({})


# -- the doctor ---------------------------------------------------------------------------------------------------------------------------


def test_the_doctor_warns(own, monkeypatch, capsys):
    for name, value in own.target.items():
        monkeypatch.setenv(f"RDSPOOL_{name.upper()}", str(value))
    assert main(["doctor", "--json"]) == 0
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    steps = {step["step"]: step for step in report["steps"]}
    assert report["warnings"] == ["tls"]
    assert bool(steps["tls"]["facts"]["version"]) is own.encrypts
    assert "python -m local up" in steps["tls"]["fix"][0]
    assert steps["sign-in"]["outcome"] == "ok"
    assert PASSWORD not in printed.out + printed.err
