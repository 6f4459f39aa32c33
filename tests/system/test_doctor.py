"""The doctor: each cause made for real, and found without a hint where to look."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time

import pymysql
import pytest
from rdspool import TooManyConnectionsError, dbapi
from rdspool.__main__ import main
from silent_network import SILENT, run

import local.front
import local.server
from local.aws.faults import Call, Refuse
from local.aws.faults import Silence as SilentApi
from local.certificates import authority
from local.front import Proxy
from local.front.faults import Accept, Error, SignIn, Silence
from local.front.names import resolved
from tests.function_rig import session_ids

STEPS = [
    *("settings", "versions", "runtime", "credentials", "dns", "tcp", "greeting", "tls", "token", "sign-in"),
    *("clock", "database", "role", "limits", "proxy", "principal"),
]
NOWHERE = "http://127.0.0.1:9/"
"""A port that nothing listens on: most VPCs lead to no STS either."""


class Report:
    """The report of one run, its exit status and all that it printed."""

    def __init__(self, status, text):
        self.status, self.text = status, text
        self.json = json.loads(text)
        self.steps = {step["step"]: step for step in self.json["steps"]}

    def __getitem__(self, name):
        return self.steps[name]

    @property
    def failed(self):
        return self.json["failed"]

    def advice(self, name):
        """Return the cause and the fixes of a step as one text."""
        return "\n".join([str(self[name]["cause"]), *self[name]["fix"]])


@pytest.fixture
def doctor(target, password_target, credentials, monkeypatch, capsys):
    """A function that runs the command with the settings of the target; keyword arguments replace some, None takes one away."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", NOWHERE)

    def examine(*arguments, **changes):
        for name, value in {**target, **changes}.items():
            if value is None:
                monkeypatch.delenv(f"RDSPOOL_{name.upper()}", raising=False)
            else:
                monkeypatch.setenv(f"RDSPOOL_{name.upper()}", str(value))
        capsys.readouterr()
        status = main(["doctor", "--json", *arguments])
        printed = capsys.readouterr()
        assert printed.err == ""
        for secret in (credentials.secret_key, credentials.session_token, password_target["password"], "X-Amz-Signature"):
            assert secret not in printed.out
        report = Report(status, printed.out)
        assert [step["step"] for step in report.json["steps"]] == STEPS
        assert report.status == (1 if report.failed else 0)
        for step in report.json["steps"]:
            assert (step["cause"] is not None and step["fix"] != []) is (step["outcome"] in ("failed", "warning")), step
        return report

    return examine


@pytest.fixture
def plain(password_target):
    """The settings that differ for the user with a password."""
    return {name: password_target[name] for name in ("user", "password")}


@pytest.fixture
def sts(aws, doctor, monkeypatch):
    """An STS that is in reach."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", aws.address)
    return aws


# -- nothing is wrong ----------------------------------------------------------------------------------------------------------------


def test_a_database_that_is_reached(server, front, doctor, credentials):
    report = doctor()
    assert report.failed == []
    assert {name for name, step in report.steps.items() if step["outcome"] == "skipped"} == {"principal", "proxy"}
    assert report["settings"]["facts"]["settings"]["host"] == {"value": front.host, "from": "RDSPOOL_HOST"}
    assert report["settings"]["facts"]["settings"]["region"] == {"value": "eu-central-1", "from": "the host's name"}
    assert report["credentials"]["facts"]["access_key"] == credentials.access_key
    assert report["greeting"]["facts"]["server"] == {"mysql": "MySQL", "mariadb": "MariaDB"}[server.kind]
    assert report["tls"]["facts"]["certificate"]["names"] == [front.host]
    assert report["tls"]["facts"]["days_left"] > 0
    assert ":dbuser:RESOURCE-ID/app" in report["sign-in"]["facts"]["policy"]
    assert report["database"]["facts"]["database"] == "app"
    assert report["role"]["facts"]["role"] == "writer"
    assert report["limits"]["facts"]["wait_timeout"] == 330
    assert report["clock"]["facts"]["compared_with"] == "the server"
    seen = front.connections()[-1]
    assert seen.attributes["program_name"] == "rdspool doctor"
    front.wait_closed(seen)


def test_a_password_needs_no_credentials(doctor, monkeypatch, plain):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    report = doctor(**plain)
    assert report.failed == []
    assert report["settings"]["facts"]["settings"]["password"] == {"value": "***", "from": "RDSPOOL_PASSWORD"}
    assert report["credentials"]["outcome"] == report["token"]["outcome"] == "skipped"
    assert report["sign-in"]["outcome"] == "ok"


def test_the_text_shows_each_step_and_its_fix(doctor, target, monkeypatch, capsys):
    doctor(database="apq")
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().out
    for name in STEPS:
        assert f" {name} " in printed
    assert "fix: RDSPOOL_DATABASE=app" in printed
    assert "1 failed: database" in printed
    assert "\033" not in printed  # this is no terminal


def test_a_named_engine_is_examined(doctor, target, monkeypatch):
    monkeypatch.setenv("RDSPOOL_REPORTING_HOST", target["host"])
    monkeypatch.setenv("RDSPOOL_REPORTING_PORT", str(target["port"]))
    monkeypatch.setenv("RDSPOOL_REPORTING_USER", "app")
    report = doctor("reporting", host=None, port=None, user=None, database=None)
    assert report.failed == []
    assert report.json["name"] == "reporting"
    assert report["settings"]["facts"]["settings"]["user"]["from"] == "RDSPOOL_REPORTING_USER"
    assert report["settings"]["facts"]["settings"]["ca"]["from"] == "RDSPOOL_CA"


# -- settings and credentials ----------------------------------------------------------------------------------------------------------


def test_a_missing_host(doctor):
    report = doctor(host=None)
    assert report.failed == ["settings"]
    assert "RDSPOOL_HOST is not set" in report.advice("settings")
    assert report["credentials"]["outcome"] == "ok"  # it needs no settings
    assert "'settings' failed" in report["sign-in"]["found"]


def test_a_misspelt_variable(doctor, monkeypatch):
    monkeypatch.setenv("RDSPOOL_POOL_RECYCEL", "60")
    report = doctor()
    assert report.failed == ["settings"]
    assert "RDSPOOL_POOL_RECYCLE" in report.advice("settings")


def test_a_roles_key_without_its_session_token(doctor, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAQWERTYUIOPASDFGH")
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    report = doctor()
    assert report.failed == ["credentials"]
    assert "AWS_SESSION_TOKEN is not set" in report.advice("credentials")
    assert "ASIAQWERTYUIOPASDFGH" in report["credentials"]["found"]
    assert report["tls"]["outcome"] == "ok"  # the network is examined all the same


def test_no_credentials(doctor, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    report = doctor()
    assert report.failed == ["credentials"]
    assert "AWS_ACCESS_KEY_ID" in report.advice("credentials")


def test_credentials_of_a_profile(doctor, credentials_in_a_profile):
    report = doctor()
    assert report.failed == []
    assert report["credentials"]["facts"]["source"] == "botocore: shared-credentials-file"


def test_two_session_tokens(doctor, credentials, monkeypatch):
    monkeypatch.setenv("AWS_SECURITY_TOKEN", credentials.session_token)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "another")
    report = doctor()
    assert report["credentials"]["outcome"] == "warning"
    assert report["credentials"]["fix"] == ["unset AWS_SECURITY_TOKEN"]
    assert report["sign-in"]["outcome"] == "ok"


def test_whose_the_credentials_are(sts, doctor):
    report = doctor()
    assert report["principal"]["outcome"] == "ok"
    assert report["principal"]["facts"]["arn"].startswith("arn:aws:")
    assert report["principal"]["facts"]["account"] == sts.account
    assert [call.operation for call in sts.calls()] == ["GetCallerIdentity"]


def test_credentials_that_have_ended(sts, doctor, front):
    sts.fault(
        when=Call(operation="GetCallerIdentity"), do=Refuse(403, "ExpiredToken", "The security token included in the request is expired")
    )
    front.fault(when=SignIn(), do=Error(1045), times=None)
    report = doctor()
    assert report.failed == ["sign-in", "principal"]
    assert "ExpiredToken" in report.advice("sign-in")
    assert "get new credentials" in report.advice("principal")


# -- the network -------------------------------------------------------------------------------------------------------------------------


def test_a_name_that_does_not_exist(doctor):
    report = doctor(host="nosuch.invalid", region="eu-central-1")
    assert report.failed == ["dns"]
    assert "'nosuch.invalid' has no address" in report.advice("dns")
    assert "RDSPOOL_HOST" in report.advice("dns")


@pytest.mark.parametrize(("host", "step", "words"), [("db.example.com", "dns", "--enable-dns-support"), (SILENT, "tcp", "security group")])
def test_a_network_in_which_nothing_answers(function_environment, tmp_path, host, step, words):
    """A name server that is silent; and a security group that is closed: what it drops, nobody answers."""
    ran = run(
        tmp_path,
        *(sys.executable, "-m", "rdspool", "doctor", "--json"),
        RDSPOOL_HOST=host,
        RDSPOOL_USER="app",
        RDSPOOL_CONNECT_TIMEOUT="1",
    )
    assert ran.returncode == 1, ran.stderr
    assert ran.stdout, ran.stderr
    report = Report(ran.returncode, ran.stdout)
    assert report.failed == [step]
    assert words in report.advice(step)
    assert report["principal"]["outcome"] == "skipped"


def test_a_port_that_refuses(front, doctor):
    front.stop_listening()
    try:
        report = doctor()
    finally:
        front.listen_again()
    assert report.failed == ["tcp"]
    assert "RDSPOOL_PORT" in report.advice("tcp")
    assert "refused" in report["tcp"]["found"]


def test_a_port_on_which_nobody_greets(front, doctor):
    front.fault(when=Accept(), do=Silence(), times=None)
    report = doctor(connect_timeout=0.5)
    assert report.failed == ["greeting"]
    assert "did not greet as MySQL" in report.advice("greeting")


def test_a_port_that_speaks_another_protocol(doctor, aws_api, target):
    with resolved(target["host"]):
        report = doctor(port=aws_api.address.rpartition(":")[2], connect_timeout=0.5)
    assert report.failed == ["greeting"]
    assert "RDSPOOL_PORT" in report.advice("greeting")


# -- TLS ------------------------------------------------------------------------------------------------------------------------------------


def test_a_certificate_of_an_authority_that_is_not_trusted(server, fronts, doctor, target, tmp_path):
    other = fronts(server, authority=authority(tmp_path / "other"))
    report = doctor(port=other.port)
    assert report.failed == ["tls"]
    certificate = report["tls"]["facts"]["certificate"]
    assert certificate["names"] == [other.host]
    assert certificate["issuer"] in report.advice("tls")
    assert target["ca"] in report.advice("tls")
    assert {one.sign_in for one in other.connections()} == {""}  # nothing of the sign-in was sent


def test_the_shipped_roots_do_not_know_the_authority(doctor):
    report = doctor(ca=None)
    assert report.failed == ["tls"]
    assert "the roots of RDS in eu-central-1" in report.advice("tls")
    assert len(report["tls"]["facts"]["roots"]) > 2
    assert all(root["ends"] for root in report["tls"]["facts"]["roots"])


def test_a_certificate_for_another_name(server, fronts, doctor):
    other = fronts(server, names=["other.c1abc.eu-central-1.rds.amazonaws.com"])
    report = doctor(port=other.port)
    assert report.failed == ["tls"]
    assert report["tls"]["fix"] == ["RDSPOOL_HOST=other.c1abc.eu-central-1.rds.amazonaws.com"]


def test_a_certificate_that_has_ended(server, fronts, doctor):
    other = fronts(server, expired=True)
    report = doctor(port=other.port)
    assert report.failed == ["tls"]
    assert "has expired" in report.advice("tls")
    assert "modify-db-instance" in report.advice("tls")
    assert report["tls"]["facts"]["certificate"]["ends"] in report.advice("tls")


def test_an_alias_of_the_endpoint(front, doctor):
    """The token and the certificate are for the endpoint's own name."""
    with resolved("db.internal.example"):
        report = doctor(host="db.internal.example")
    assert report.failed == ["tls"]
    assert report["tls"]["fix"] == [f"RDSPOOL_ENDPOINT={front.host}"]
    assert report["settings"]["outcome"] == "warning"
    assert "an alias (a CNAME)" in report.advice("settings")


# -- the sign-in -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["nosuch", "plain"])
def test_a_user_that_is_none_of_iam(server, doctor, user):
    """One that does not exist, and one that was created with a password."""
    report = doctor(user=user)
    assert report.failed == ["sign-in"]
    advice = report.advice("sign-in")
    assert "not created with AWSAuthenticationPlugin" in advice
    assert f"CREATE USER '{user}'@'%' IDENTIFIED {'WITH' if server.kind == 'mysql' else 'VIA'} AWSAuthenticationPlugin" in advice
    assert "put-role-policy" not in advice


def test_a_policy_is_missing(front, doctor):
    front.fault(when=SignIn(), do=Error(1045), times=None)
    report = doctor()
    assert report.failed == ["sign-in"]
    advice = report.advice("sign-in")
    assert "does not allow rds-db:connect as 'app'" in advice
    assert "aws iam put-role-policy" in advice
    assert '"Action": "rds-db:connect", "Resource": "arn:aws:rds-db:eu-central-1:' in advice
    assert "describe-db-clusters" in advice
    assert "--enable-iam-database-authentication" in advice
    assert "CREATE USER" not in advice


def test_the_policy_is_that_of_the_principal(sts, front, doctor):
    front.fault(when=SignIn(), do=Error(1045), times=None)
    report = doctor()
    advice = report.advice("sign-in")
    assert f":{sts.account}:dbuser:RESOURCE-ID/app" in advice
    assert report["principal"]["facts"]["arn"] in advice


@pytest.mark.parametrize(("by", "words"), [(-3600, "behind"), (3600, "ahead of")])
def test_a_clock_that_is_wrong(sts, doctor, monkeypatch, by, words):
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + by)
    report = doctor()
    assert report.failed == ["sign-in", "clock"]
    assert f"s {words} that of AWS" in report.advice("sign-in")
    assert abs(report["clock"]["facts"]["ahead_seconds"] - by) < 60


def test_a_clock_that_is_wrong_where_a_password_signs_in(doctor, monkeypatch, plain):
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 3600)
    report = doctor(**plain)
    assert report.failed == []
    assert report["clock"]["outcome"] == "warning"
    assert report["clock"]["facts"]["compared_with"] == "the server"


def test_a_secret_key_of_another_access_key(doctor, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    report = doctor()
    assert report.failed == ["sign-in"]
    assert "AWS said no" in report.advice("sign-in")


def test_a_wrong_password(doctor):
    report = doctor(user="plain", password="not-it")
    assert report.failed == ["sign-in"]
    assert "RDSPOOL_PASSWORD" in report.advice("sign-in")
    assert "not-it" not in report.text


def test_a_token_as_the_password(doctor, front, target):
    from rdspool import creator
    from rdspool.settings import Settings

    token, _ = creator.token_source(Settings.load(**target)).get()
    report = doctor(password=token.reveal())
    assert report.failed == []
    assert report["token"]["outcome"] == "warning"
    assert token.reveal().rpartition("=")[2] not in report.text


# -- the server ------------------------------------------------------------------------------------------------------------------------------


def test_a_database_that_does_not_exist(server, doctor, plain):
    report = doctor(**plain, database="apq")
    assert report.failed == ["database"]
    assert report["database"]["fix"][0] == "RDSPOOL_DATABASE=app"
    assert "CREATE DATABASE `apq`" in report.advice("database")
    assert report["limits"]["outcome"] == "ok"  # it needs no database


def test_no_rights_on_the_database(server, doctor):
    server.database("closed")
    server.execute("CREATE USER IF NOT EXISTS nobody IDENTIFIED BY 'pw-of-nobody'")
    report = doctor(user="nobody", password="pw-of-nobody", database="closed")
    assert "pw-of-nobody" not in report.text
    assert report.failed == ["database"]
    assert "GRANT SELECT, INSERT, UPDATE, DELETE ON `closed`.* TO 'nobody'@'%'" in report.advice("database")


@pytest.fixture
def reader(server):
    """The server as a reader."""
    server.execute("SET GLOBAL read_only = 1")
    yield
    server.execute("SET GLOBAL read_only = 0")


@pytest.mark.parametrize(("role", "outcome"), [("writer", "failed"), (None, "warning")])
def test_a_reader(reader, doctor, role, outcome):
    report = doctor(role=role)
    assert report["role"]["outcome"] == outcome
    assert report["role"]["facts"]["role"] == "reader"
    assert "writer endpoint" in report.advice("role")


@pytest.fixture
def few_connections(server):
    """A server that takes few connections, and has none of the tests before. MariaDB takes 10 at least."""
    for number in session_ids(server, "app") + session_ids(server, "plain"):
        with contextlib.suppress(pymysql.Error):  # it has ended meanwhile
            server.execute(f"KILL {number}")
    before = server.execute("SELECT @@global.max_connections")[0][0]
    server.execute("SET GLOBAL max_connections = 10")
    yield 10
    server.execute(f"SET GLOBAL max_connections = {before}")


def connections_of(target, most):
    """Return connections, as many as the server takes, `most` at most."""
    made = []
    with contextlib.suppress(TooManyConnectionsError):
        while len(made) < most:
            made.append(dbapi.connect(**target))
    return made


@pytest.mark.parametrize("step", ["sign-in", "greeting"])
def test_too_many_connections(server, few_connections, target, doctor, step):
    """One more is greeted, for an administrator could come. While one is there, nobody is."""
    held = connections_of(target, few_connections + 5)
    assert len(held) <= few_connections
    if step == "greeting":
        held.append(server.connect())
    try:
        report = doctor()
    finally:
        for connection in held:
            connection.close()
    assert report.failed == [step]
    assert "Too many connections" in report.advice(step)
    assert "session_connect_attrs" in report.advice(step)
    assert "reserved concurrency" in report.advice(step)


def test_nearly_too_many_connections(few_connections, target, doctor):
    held = connections_of(target, few_connections - 2)
    try:
        report = doctor()
    finally:
        for connection in held:
            connection.close()
    assert report.failed == []
    assert report["limits"]["outcome"] == "warning"
    (holder,) = [one for one in report["limits"]["facts"]["holders"] if one["user"] == "app"]
    assert holder["connections"] == few_connections - 1
    assert "'app' holds most" in report.advice("limits")


def test_who_holds_the_connections(server, credentials, doctor, monkeypatch):
    """By the function's name, where the server keeps the connections' attributes and the user may read them."""
    with local.server.start(server.kind, options=["--performance-schema=ON"]) as other:
        other.database("app")
        other.create_user("app", "pw-on-the-server")
        with local.front.start(other, users={"app": "pw-on-the-server"}, credentials=credentials) as front, resolved(front.host):
            settings = {"host": front.host, "port": front.port, "user": "app", "database": "app", "ca": str(front.ca_file)}
            monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "checkout")
            held = [dbapi.connect(**settings) for _ in range(3)]
            report = doctor(**settings)
            for connection in held:
                connection.close()
    found = {holder["program"]: holder["connections"] for holder in report["limits"]["facts"]["holders"] if holder["user"] == "app"}
    assert found == {"checkout": 3, "rdspool doctor": 1}


def test_a_user_with_too_many_connections(server, target, doctor):
    server.execute("CREATE USER IF NOT EXISTS one IDENTIFIED BY 'pw-of-one' WITH MAX_USER_CONNECTIONS 1")
    mine = {"user": "one", "password": "pw-of-one", "database": None}
    held = dbapi.connect(**{**target, **mine})
    try:
        report = doctor(**mine)
    finally:
        held.close()
    assert report.failed == ["sign-in"]
    assert report["sign-in"]["facts"]["error"] in (1203, 1226)
    assert "SHOW CREATE USER" in report.advice("sign-in")


# -- RDS Proxy -----------------------------------------------------------------------------------------------------------------------------


def test_a_proxy_is_named_and_not_pinned(server, module_fronts, doctor):
    host = "app.proxy-c1abcdefghij.eu-central-1.rds.amazonaws.com"
    front = module_fronts(server, host=host, proxy=Proxy(10))
    with resolved(host):
        report = doctor(host=host, port=front.port)
        pins = doctor(host=host, port=front.port, multi_statements="true")
    assert report.failed == []
    assert report["proxy"]["outcome"] == "ok"
    assert any("GET_LOCK" in pin for pin in report["proxy"]["facts"]["pins"])
    assert {one.pinned for one in front.connections()} == {""}
    assert "RDSPOOL_MULTI_STATEMENTS=false" in pins.advice("proxy")


def test_a_proxy_that_does_not_know_the_user(server, module_fronts, doctor):
    host = "app.proxy-c1abcdefghij.eu-central-1.rds.amazonaws.com"
    front = module_fronts(server, host=host, proxy=Proxy(10))
    with resolved(host):
        report = doctor(host=host, port=front.port, user="nosuch")
    assert report.failed == ["sign-in"]
    assert "the proxy has no secret of this user" in report.advice("sign-in")
    assert "modify-db-proxy" in report.advice("sign-in")
    assert "describe-db-proxies" in report.advice("sign-in")


# -- in a function -------------------------------------------------------------------------------------------------------------------------


def test_in_a_function(front, start_function):
    function = start_function("", handler="rdspool.doctor.handler", AWS_ENDPOINT_URL_STS=NOWHERE)
    report = function.invoke({})
    assert report["ok"]
    assert [step["step"] for step in report["steps"]] == STEPS
    assert next(step for step in report["steps"] if step["step"] == "runtime")["facts"]["function"] == "function"
    function.terminate()
    assert "All that was tried works" in function.log


MISTAKES = {
    "host": ({"RDSPOOL_HOST": "nosuch.invalid"}, "dns", "RDSPOOL_HOST"),
    "no host": ({"RDSPOOL_HOST": ""}, "settings", "RDSPOOL_HOST is not set"),
    "a number": ({"RDSPOOL_POOL_RECYCLE": "soon"}, "settings", "RDSPOOL_POOL_RECYCLE"),
    "another name": ({"RDSPOOL_CAA": "/ca.pem"}, "settings", "RDSPOOL_CA"),
    "region": ({"RDSPOOL_REGION": "us-east-1"}, "settings", "leave RDSPOOL_REGION out"),
    "port": ({"RDSPOOL_PORT": "1"}, "tcp", "RDSPOOL_PORT"),
    "roots": ({"RDSPOOL_CA": ""}, "tls", "RDSPOOL_CA"),
    "user": ({"RDSPOOL_USER": "nosuch"}, "sign-in", "CREATE USER 'nosuch'"),
    "session token": ({"AWS_ACCESS_KEY_ID": "ASIAQWERTYUIOPASDFGH", "AWS_SESSION_TOKEN": ""}, "credentials", "AWS_SESSION_TOKEN"),
    "secret key": ({"AWS_SECRET_ACCESS_KEY": "another"}, "sign-in", "rds-db:connect"),
    "password": ({"RDSPOOL_PASSWORD": "not-it", "RDSPOOL_USER": "plain"}, "sign-in", "RDSPOOL_PASSWORD"),
    "database": ({"RDSPOOL_DATABASE": "apq"}, "database", "RDSPOOL_DATABASE=app"),
}


@pytest.mark.parametrize(("variables", "step", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_function_with_lambdas_default_limit(front, start_function, variables, step, words):
    function = start_function("", handler="rdspool.doctor.handler", **{"AWS_ENDPOINT_URL_STS": NOWHERE, **variables})
    report = function.invoke(None)
    assert report["failed"] == [step]
    (found,) = [one for one in report["steps"] if one["step"] == step]
    assert words in "\n".join([found["cause"], *found["fix"]])
    function.terminate()
    assert f"failed   {step} " in function.log


@pytest.mark.parametrize(("when", "step"), [(Accept(), "greeting"), (SignIn(), "sign-in")])
def test_a_server_that_falls_silent_in_a_function_with_lambdas_default_limit(front, start_function, when, step):
    front.fault(when=when, do=Silence(), times=None)
    report = start_function("", handler="rdspool.doctor.handler", AWS_ENDPOINT_URL_STS=NOWHERE).invoke(None)
    assert report["failed"] == [step]


def test_a_silent_port_in_a_function_with_lambdas_default_limit(start_function):
    """The report comes before Lambda's own limit of 3 s ends the invocation."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as stack:
        for _ in range(3):  # a full queue: the kernel drops each further SYN, as a closed security group does
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        function = start_function(
            "", handler="rdspool.doctor.handler", RDSPOOL_PORT=str(listener.getsockname()[1]), AWS_ENDPOINT_URL_STS=NOWHERE
        )
        report = function.invoke(None)
    assert report["failed"] == ["tcp"]
    (tcp,) = [step for step in report["steps"] if step["step"] == "tcp"]
    assert "security group" in tcp["cause"]
    assert any("authorize-security-group-ingress" in fix for fix in tcp["fix"])


def test_an_sts_that_is_silent_takes_no_time_from_the_other_steps(aws, start_function):
    aws.fault(when=Call(operation="GetCallerIdentity"), do=SilentApi())
    function = start_function("", handler="rdspool.doctor.handler", AWS_ENDPOINT_URL_STS=aws.address)
    report = function.invoke(None)
    aws.clear()
    assert report["ok"]
    (principal,) = [step for step in report["steps"] if step["step"] == "principal"]
    assert principal["outcome"] == "skipped"
    assert "no answer came in time" in principal["found"] or "timed out" in principal["found"]
