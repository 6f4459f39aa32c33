"""The password that AWS keeps, in Secrets Manager or SSM: a real server whose password is rotated meanwhile, and AWS's API over HTTP."""

from __future__ import annotations

import gc
import json
import logging
import os
import secrets
from types import SimpleNamespace

import boto3
import pytest
from connections import connection_id
from extension import Extension
from rdspool import ConnectTimeoutError, CredentialsError, Settings, SettingsError, SignInError, creator, engine, get_engine
from rdspool.__main__ import main
from rdspool._aws import stored
from sqlalchemy import create_engine, exc
from sqlalchemy.engine import URL

from local.aws.faults import Call, Refuse, Silence
from local.front.faults import SignIn
from local.front.faults import Silence as SilentServer
from tests.secrecy import found_in

READ = "GetSecretValue"
ROTATED = "rotated"
"""The user whose password AWS keeps."""


@pytest.fixture
def aws(aws, function_environment, monkeypatch):
    """AWS, for the function: with its address, its credentials, and nothing that was read before."""
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)
    options = {"endpoint_url": aws.address, "region_name": os.environ["AWS_REGION"]}
    yield SimpleNamespace(api=aws, secrets=boto3.client("secretsmanager", **options), parameters=boto3.client("ssm", **options))
    stored.forget()


@pytest.fixture
def rotated(server):
    """Return a function that changes the user's password on the server, and returns the new one."""

    def change(user=ROTATED):
        password = secrets.token_urlsafe(12)
        server.create_user(user, password)
        return password

    return change


class Kept:
    """A secret in the form of RDS's."""

    def __init__(self, client, front, password):
        self.client, self.name = client, f"shop/{secrets.token_hex(4)}"
        self.fields = {
            "engine": "mysql",
            "host": front.host,
            "port": front.port,
            "username": ROTATED,
            "password": password,
            "dbname": "app",
        }
        self.arn = client.create_secret(Name=self.name, SecretString=json.dumps(self.fields))["ARN"]

    def put(self, stage="AWSCURRENT", **changes):
        """Put another version."""
        self.client.put_secret_value(SecretId=self.name, SecretString=json.dumps({**self.fields, **changes}), VersionStages=[stage])


@pytest.fixture
def kept(aws, front, rotated):
    return Kept(aws.secrets, front, rotated())


@pytest.fixture
def ca(front):
    return {"ca": str(front.ca_file)}


@pytest.fixture
def extension(aws, monkeypatch):
    """The extension, in the environment of a function."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the-functions-session-token")
    running = Extension(aws.api.variables(), "the-functions-session-token", os.environ["AWS_REGION"])
    monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", str(running.port))
    yield running
    running.close()


def refused(kind, **target):
    with pytest.raises(exc.OperationalError) as caught, get_engine(**target).connect():
        pass
    assert isinstance(caught.value.orig, kind), caught.value
    return caught.value.orig


def reads(aws, operation=READ):
    return len(aws.api.calls(operation))


# -- what is in it ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["name", "arn"])
def test_a_secret_of_rds_says_all(aws, kept, front, ca, by):
    made = get_engine(secret=getattr(kept, by), **ca)
    seen = front.connection(backend_id=connection_id(made))
    assert (seen.sign_in, seen.user, seen.database) == ("password", ROTATED, "app")
    made.dispose()
    connection_id(made)
    assert reads(aws) == 1  # it is kept


def test_settings_that_are_set_win(aws, kept, front, ca):
    kept.put(host="nosuch.invalid", port=1, dbname="nosuch")
    made = get_engine(secret=kept.name, host=front.host, port=front.port, database="app", **ca)
    assert reads(aws) == 0  # the first connect reads it
    seen = front.connection(backend_id=connection_id(made))
    assert (seen.user, seen.database) == (ROTATED, "app")
    with pytest.raises(SettingsError, match="exists already"):
        get_engine(secret=kept.name, host=front.host, port=front.port, **ca)


def test_a_user_that_is_set_wins(server, kept, front, ca, rotated):
    password = rotated("another")
    kept.put(username="nosuch", password=password)
    made = get_engine(secret=kept.name, host=front.host, port=front.port, user="another", **ca)
    seen = front.connection(backend_id=connection_id(made))
    assert (seen.user, seen.database) == ("another", "app")  # the database is the secret's


def test_a_named_engine_and_variables(kept, front, ca, monkeypatch):
    monkeypatch.setenv("RDSPOOL_REPORTING_SECRET", kept.name)
    monkeypatch.setenv("RDSPOOL_CA", ca["ca"])
    assert front.connection(backend_id=connection_id(get_engine("reporting"))).user == ROTATED
    monkeypatch.setenv("RDSPOOL_SECRET", kept.name)
    monkeypatch.setenv("RDSPOOL_OTHER_HOST", front.host)
    monkeypatch.setenv("RDSPOOL_OTHER_USER", "app")
    assert Settings.load("other").iam  # the unnamed engine's secret is not its own


@pytest.mark.parametrize("host", [True, False])
def test_a_url_of_create_engine(aws, kept, front, ca, host):
    query = {"secret": kept.arn, **ca}
    made = create_engine(URL.create("mysql+rdspool", None, None, front.host if host else None, front.port if host else None, None, query))
    seen = front.connection(backend_id=connection_id(made))
    assert (seen.user, seen.database) == (ROTATED, "app")
    made.dispose()
    connection_id(made)
    assert reads(aws) == 1
    made.dispose()


def test_a_secret_that_is_the_password_alone(aws, front, ca, rotated):
    name = f"plain/{secrets.token_hex(4)}"
    aws.secrets.create_secret(Name=name, SecretString=rotated())
    made = get_engine(secret=name, host=front.host, port=front.port, user=ROTATED, **ca)
    assert front.connection(backend_id=connection_id(made)).user == ROTATED
    with pytest.raises(CredentialsError, match="RDSPOOL_SECOND_USER is not set"):
        connection_id(get_engine("second", secret=name, host=front.host, port=front.port, **ca))
    with pytest.raises(SettingsError, match="RDSPOOL_THIRD_HOST is not set"):
        get_engine("third", secret=name, **ca)


def test_a_parameter_of_ssm(aws, front, ca, rotated):
    name = f"/shop/{secrets.token_hex(4)}"
    aws.parameters.put_parameter(Name=name, Value=rotated(), Type="SecureString")
    made = get_engine(password_parameter=name, host=front.host, port=front.port, user=ROTATED, **ca)
    assert front.connection(backend_id=connection_id(made)).user == ROTATED
    made.dispose()
    aws.parameters.put_parameter(Name=name, Value=rotated(), Type="SecureString", Overwrite=True)
    connection_id(made)
    assert reads(aws, "GetParameter") == 2


# -- rotation --------------------------------------------------------------------------------------------------------------------------


def test_a_rotated_password_is_read_again(aws, kept, ca, rotated):
    made = get_engine(secret=kept.name, **ca)
    connection_id(made)
    made.dispose()
    kept.put(password=rotated())
    connection_id(made)
    assert reads(aws) == 2
    made.dispose()
    connection_id(made)
    assert reads(aws) == 2


def test_in_the_middle_of_a_rotation_the_pending_one_signs_in(aws, kept, ca, rotated):
    """The server has the new password, and AWSCURRENT is still the old one."""
    made = get_engine(secret=kept.name, **ca)
    connection_id(made)
    made.dispose()
    password = rotated()
    kept.put("AWSPENDING", password=password)
    connection_id(made)
    assert reads(aws) == 3
    made.dispose()
    kept.put(password=password)  # the rotation ends
    connection_id(made)
    assert reads(aws) == 3


def test_a_first_connect_in_the_middle_of_a_rotation(aws, kept, ca, rotated):
    kept.put("AWSPENDING", password=rotated())
    connection_id(get_engine(secret=kept.name, **ca))
    assert reads(aws) == 3


def test_users_that_take_turns(kept, front, ca, rotated):
    made = get_engine(secret=kept.name, **ca)
    connection_id(made)
    made.dispose()
    kept.put(username="rotated_clone", password=rotated("rotated_clone"))
    rotated()  # the password of the first user is changed at the next turn
    assert front.connection(backend_id=connection_id(made)).user == "rotated_clone"


def test_a_password_that_is_wrong_everywhere(aws, kept, ca, rotated):
    kept.put("AWSPENDING", password="neither")
    rotated()
    made = {"secret": kept.name, **ca}
    error = refused(SignInError, **made)
    assert kept.name in str(error)
    assert ROTATED in str(error)
    assert reads(aws) == 3
    refused(SignInError, **made)
    assert reads(aws) == 6  # nothing that was refused is kept


def test_where_aws_is_not_reached_the_servers_refusal_is_the_error(aws, kept, ca, rotated):
    made = get_engine(secret=kept.name, **ca)
    connection_id(made)
    made.dispose()
    rotated()
    aws.api.fault(when=Call(operation=READ), do=Refuse(400, "AccessDeniedException", "no"), times=None)
    error = refused(SignInError, secret=kept.name, **ca)
    assert "Whether the password was rotated is not known" in error.__notes__[0]


def test_a_server_that_falls_silent_after_its_refusal_is_the_error(aws, kept, front, ca, rotated):
    """Not the refusal of the attempt before: its password was over, and nobody knows whether the new one is."""
    made = get_engine(secret=kept.name, connect_timeout=1, **ca)
    connection_id(made)
    made.dispose()
    kept.put(password=rotated())
    front.fault(when=SignIn(), do=SilentServer(), after=1)
    error = refused(ConnectTimeoutError, secret=kept.name, connect_timeout=1, **ca)
    assert "stopped answering in the middle of the sign-in" in str(error)


# -- AWS refuses, or does not answer -----------------------------------------------------------------------------------------------------


def failed(kept, ca, front):
    with pytest.raises((CredentialsError, exc.OperationalError)) as caught:
        connection_id(get_engine(secret=kept.name, host=front.host, port=front.port, connect_timeout=1, **ca))
    return getattr(caught.value, "orig", caught.value)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDeniedException", "secretsmanager:GetSecretValue"),
        ("ResourceNotFoundException", "Check its name"),
        ("DecryptionFailure", "DecryptionFailure: said by AWS"),
    ],
)
def test_a_refusal_says_what_to_do(aws, kept, ca, front, code, words):
    aws.api.fault(when=Call(operation=READ), do=Refuse(400, code, "said by AWS"), times=None)
    error = failed(kept, ca, front)
    assert isinstance(error, CredentialsError)
    assert words in str(error)
    assert kept.name in str(error)


@pytest.mark.parametrize("fault", [Refuse(400, "ThrottlingException", "Rate exceeded"), Refuse(500, "InternalServiceError", "x")])
def test_an_error_that_passes_is_tried_again(aws, kept, ca, fault):
    aws.api.fault(when=Call(operation=READ), do=fault, times=2)
    connection_id(get_engine(secret=kept.name, **ca))
    assert reads(aws) == 3


def test_silence_ends_with_the_connect_timeout(aws, kept, ca, front):
    aws.api.fault(when=Call(operation=READ), do=Silence(), times=None)
    error = failed(kept, ca, front)
    assert isinstance(error, (ConnectTimeoutError, CredentialsError))
    assert "com.amazonaws.eu-central-1.secretsmanager" in str(error)


def test_an_endpoint_that_nothing_listens_on(aws, kept, ca, front, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    assert "does not answer" in str(failed(kept, ca, front))


# -- the extension -----------------------------------------------------------------------------------------------------------------------


def test_the_extension_is_asked_where_it_is_there(aws, kept, ca, extension):
    connection_id(get_engine(secret=kept.arn, **ca))
    assert extension.asked == [f"/secretsmanager/get?secretId={kept.arn.replace(':', '%3A').replace('/', '%2F')}&versionStage=AWSCURRENT"]
    assert reads(aws) == 1  # the extension's own


def test_the_extension_gives_parameters(aws, front, ca, rotated, extension):
    name = f"/shop/{secrets.token_hex(4)}"
    aws.parameters.put_parameter(Name=name, Value=rotated(), Type="SecureString")
    connection_id(get_engine(password_parameter=name, host=front.host, port=front.port, user=ROTATED, **ca))
    assert extension.asked == [f"/systemsmanager/parameters/get?name={name.replace('/', '%2F')}&withDecryption=true"]


def test_what_the_extension_keeps_can_be_over(aws, kept, ca, extension, rotated):
    """It keeps a secret for 5 minutes: after a rotation the API says what is so."""
    made = get_engine(secret=kept.name, **ca)
    connection_id(made)
    made.dispose()
    kept.put(password=rotated())
    connection_id(made)
    assert len(extension.asked) == 1


def test_an_extension_that_is_not_ready(aws, kept, ca, extension):
    extension.ready = False
    connection_id(get_engine(secret=kept.name, **ca))
    assert (len(extension.asked), reads(aws)) == (1, 1)


def test_no_extension_listens(aws, kept, ca, monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "x")
    monkeypatch.setenv("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "9")
    connection_id(get_engine(secret=kept.name, **ca))
    assert reads(aws) == 1


def test_in_a_function(aws, kept, front, start_function, extension):
    """Neither botocore nor a sign of the password in its log."""
    function = start_function(
        "import sys\nfrom rdspool import get_engine\nfrom sqlalchemy import text\nengine = get_engine()\n"
        "def handler(event, context):\n    with engine.connect() as connection:\n"
        "        return [connection.execute(text('SELECT CURRENT_USER()')).scalar_one(), 'botocore' in sys.modules]\n",
        RDSPOOL_HOST="",
        RDSPOOL_PORT="",
        RDSPOOL_USER="",
        RDSPOOL_DATABASE="",
        RDSPOOL_SECRET=kept.name,
        AWS_SESSION_TOKEN="the-functions-session-token",
        PARAMETERS_SECRETS_EXTENSION_HTTP_PORT=str(extension.port),
    )
    assert function.invoke({}) == [f"{ROTATED}@%", False]
    function.terminate()
    assert kept.fields["password"] not in function.log


# -- secrecy -----------------------------------------------------------------------------------------------------------------------------


def test_no_error_and_no_log_shows_the_password(aws, kept, ca, front, rotated, caplog):
    caplog.set_level(logging.DEBUG)
    password = kept.fields["password"]
    shown = []
    made = get_engine(secret=kept.name, **ca)
    connection_id(made)
    made.dispose()
    shown += [repr(made), repr(made.pool._creator), repr(made.pool._creator.settings), repr(stored._sources)]
    changed = rotated()
    errors = [refused(SignInError, secret=kept.name, **ca)]
    for text in (f'{{"password": "{password}"', f'["{password}"]', json.dumps({"passwd": password})):
        stored.forget()
        engine._engines.clear()
        aws.secrets.put_secret_value(SecretId=kept.name, SecretString=text)
        errors.append(failed(kept, ca, front))
    for error in errors:
        assert not found_in(error, [password, changed])
    # The test itself uses botocore, which logs what it sends at DEBUG.
    shown += [record.getMessage() for record in caplog.records if not record.name.startswith("boto")]
    assert not [text for text in shown if password in text or changed in text]


def test_a_snapshot_has_no_password(kept, ca):
    connection_id(get_engine(secret=kept.name, **ca))
    engine._before_snapshot()
    gc.collect()
    held = [one for one in gc.get_objects() if isinstance(one, stored.Stored)]
    assert held == []
    assert connection_id(get_engine()) is not None


def test_a_child_of_a_fork_reads_it_itself(kept, ca):
    connection_id(get_engine(secret=kept.name, **ca))
    creator.after_fork()
    assert stored._sources == {}


# -- the doctor --------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def doctor(aws, kept, ca, monkeypatch, capsys):
    monkeypatch.setenv("RDSPOOL_SECRET", kept.name)
    monkeypatch.setenv("RDSPOOL_CA", ca["ca"])

    def examine():
        capsys.readouterr()
        main(["doctor", "--json"])
        text = capsys.readouterr().out
        assert kept.fields["password"] not in text
        report = json.loads(text)
        return report, {step["step"]: step for step in report["steps"]}

    return examine


def test_the_doctor_reads_the_secret(doctor, kept):
    report, steps = doctor()
    assert report["failed"] == []
    assert steps["settings"]["facts"]["settings"]["secret"] == {"value": kept.name, "from": "RDSPOOL_SECRET"}
    assert steps["token"]["facts"]["user"] == ROTATED
    assert steps["sign-in"]["outcome"] == "ok"


def test_the_doctor_finds_a_password_that_is_over(doctor, kept, rotated):
    rotated()
    report, steps = doctor()
    assert report["failed"] == ["sign-in"]
    assert f"describe-secret --secret-id {kept.name}" in steps["sign-in"]["fix"][0]


def test_the_doctor_finds_a_secret_that_is_not_there(doctor, front, monkeypatch):
    monkeypatch.setenv("RDSPOOL_SECRET", "shop/nosuch")
    report, steps = doctor()
    assert report["failed"] == ["settings"]
    assert "Check its name" in steps["settings"]["cause"]
    monkeypatch.setenv("RDSPOOL_HOST", front.host)
    monkeypatch.setenv("RDSPOOL_PORT", str(front.port))
    report, steps = doctor()
    assert report["failed"] == ["token"]
    assert "Check its name" in steps["token"]["cause"]
