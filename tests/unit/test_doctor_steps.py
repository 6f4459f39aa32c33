"""The doctor's parts that need no server: advice, the question to STS, the report, and steps that fail in a way nobody has thought of."""

from __future__ import annotations

import io
import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from rdspool import deadlines, doctor
from rdspool._aws import requests
from rdspool._aws.credentials import Credentials
from rdspool.doctor import advice, command, examination, identity, question, report, settings
from rdspool.doctor.credentials import account_of
from rdspool.doctor.patient import Patient
from rdspool.doctor.step import FAILED, OK, SKIPPED, WARNING, Finding, Result, Step, ok
from rdspool.errors import SettingsError
from rdspool.secret import Secret
from rdspool.settings import Settings

INSTANCE = "db.c1abc.eu-central-1.rds.amazonaws.com"
CLUSTER = "app.cluster-c1abc.eu-central-1.rds.amazonaws.com"
PROXY = "app.proxy-c1abc.eu-central-1.rds.amazonaws.com"
KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", Secret("the-secret-key"), Secret("the-session-token"))


def patient_of(host=INSTANCE, account=None, principal=None, **values):
    patient = Patient(None, account)
    patient.settings = Settings.load(environ={}, host=host, **{"user": "app", **values})
    patient.principal = principal
    return patient


# -- advice ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "arn"),
    [
        (INSTANCE, "arn:aws:rds-db:eu-central-1:"),
        ("db.c1abc.rds.cn-north-1.amazonaws.com.cn", "arn:aws-cn:rds-db:cn-north-1:"),
        ("db.c1abc.us-gov-west-1.rds.amazonaws.com", "arn:aws-us-gov:rds-db:us-gov-west-1:"),
    ],
)
def test_the_policy_is_for_this_user_and_region(host, arn):
    document = json.loads(advice.policy(patient_of(host, "123456789012", user="o'neil")))
    (statement,) = document["Statement"]
    assert statement == {"Effect": "Allow", "Action": "rds-db:connect", "Resource": f"{arn}123456789012:dbuser:RESOURCE-ID/o'neil"}


@pytest.mark.parametrize(
    ("principal", "words"),
    [
        (None, "put-role-policy --role-name ROLE "),
        ("arn:aws:sts::123456789012:assumed-role/shop-function/shop", "put-role-policy --role-name shop-function "),
        ("arn:aws:iam::123456789012:user/team/jane", "put-user-policy --user-name jane "),
    ],
)
def test_the_policy_is_put_where_the_credentials_are_from(principal, words):
    assert words in advice.put_policy(patient_of(principal=principal))


@pytest.mark.parametrize(
    ("host", "kind", "describes", "enables"),
    [
        (INSTANCE, "instance", "describe-db-instances", "modify-db-instance --db-instance-identifier db "),
        (CLUSTER, "cluster", "describe-db-clusters", "modify-db-cluster --db-cluster-identifier app "),
        (PROXY, "proxy", "describe-db-proxies", "modify-db-proxy --db-proxy-name app "),
    ],
)
def test_the_commands_are_those_of_the_endpoints_kind(host, kind, describes, enables):
    made = Settings.load(environ={}, host=host, user="app")
    assert advice.kind(host) == kind
    assert describes in advice.resource_id(made)
    assert host in advice.resource_id(made)
    assert enables in advice.enable_iam(made)


def test_a_quote_in_a_name_stays_a_part_of_it():
    made = Settings.load(environ={}, host=INSTANCE, user="o'neil", database="a`b")
    assert advice.create_user(made)["MySQL"].startswith("CREATE USER 'o''neil'@'%' IDENTIFIED WITH")
    assert advice.grant(made).endswith("ON `a``b`.* TO 'o''neil'@'%';")


# -- credentials and STS ----------------------------------------------------------------------------------------------------------------


def test_the_account_that_a_key_carries():
    """The key of a published example (Aidan Steele, "AWS Access Key ID formats")."""
    assert account_of("ASIAQNZGKIQY56JQ7WML") == "029608264753"


@pytest.mark.parametrize("key", ["AKIA0189", "AKIA0123456789ABCDEF", "", "AKIAQNZGKIQY"])
def test_a_key_of_another_form_carries_none(key):
    assert account_of(key) is None


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-central-1", "https://sts.eu-central-1.amazonaws.com/"),
        ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn/"),
        ("us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com/"),
    ],
)
def test_the_endpoint_is_the_regions(monkeypatch, region, url):
    monkeypatch.delenv("AWS_ENDPOINT_URL_STS", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert question.endpoint(region) == url


@pytest.mark.parametrize("credentials", [KEYS, KEYS._replace(session_token=None)], ids=["role", "user"])
def test_the_signature_is_botocores(monkeypatch, credentials):
    at = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
    url, region = "https://sts.eu-central-1.amazonaws.com/", "eu-central-1"
    made = requests.signed(url, "sts", region, question._HEADERS, question._BODY, credentials, at.timestamp())
    token = None if credentials.session_token is None else credentials.session_token.reveal()
    theirs = AWSRequest("POST", made.full_url, {"Content-Type": made.get_header("Content-type")}, made.data.decode())
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: at.replace(tzinfo=None))
    SigV4Auth(BotocoreCredentials(credentials.access_key, credentials.secret_key.reveal(), token), "sts", "eu-central-1").add_auth(theirs)
    assert made.get_header("Authorization") == theirs.headers["Authorization"]


@pytest.fixture
def answering(monkeypatch):
    """A function that starts an STS with one answer, and returns what it is asked."""
    servers = []

    def start(status, body=b"", **headers):
        asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                asked.append(self.path)
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                self.do_POST()

            def log_message(self, *_):
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{servers[-1].server_address[1]}")
        return asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def looked():
    patient = patient_of()
    patient.credentials = KEYS
    patient.question = question.Question(KEYS, "eu-central-1", deadlines.within(5, "the test"))
    return patient, identity.look(patient)


def test_a_redirect_is_not_followed(answering):
    """It would take the session token to another host."""
    elsewhere = answering(200)
    target = question.endpoint("eu-central-1")
    asked = answering(302, Location=target)
    _, found = looked()
    assert (len(asked), elsewhere) == (1, [])
    assert found.outcome == SKIPPED
    assert "status 302" in found.found


def test_an_answer_that_is_none_of_sts(answering):
    answering(403, b"<html>a captive portal</html>")
    patient, found = looked()
    assert found.outcome == SKIPPED
    assert patient.refused is None


def test_credentials_that_sts_refuses(answering):
    answering(
        403,
        b"<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>The token is \x1b[2J invalid</Message></Error></ErrorResponse>",
    )
    patient, found = looked()
    assert found.outcome == FAILED
    assert KEYS.access_key in found.found
    assert patient.refused == "InvalidClientTokenId: The token is \\x1b[2J invalid"


# -- steps --------------------------------------------------------------------------------------------------------------------------------


def broken(_):
    raise LookupError("pw-in-a-message")


def test_a_step_that_breaks_ends_only_those_that_need_it(monkeypatch):
    monkeypatch.setattr(
        examination,
        "STEPS",
        (
            Step("first", broken),
            Step("second", lambda _: ok("it works")),
            Step("third", lambda _: ok("not run"), ("first",)),
            Step("fourth", lambda _: ok("not run"), ("third",)),
        ),
    )
    results = examination.examine(Patient(None))
    assert [result.outcome for result in results] == [FAILED, OK, SKIPPED, SKIPPED]
    assert "LookupError at test_doctor_steps.py:" in results[0].finding.found
    assert "'first' failed" in results[3].finding.found
    assert "pw-in-a-message" not in json.dumps(examination.summary(None, results))


def test_what_is_skipped_or_has_a_warning_lets_the_next_go_on(monkeypatch):
    monkeypatch.setattr(
        examination,
        "STEPS",
        (
            Step("first", lambda _: Finding(WARNING, "hm", cause="a cause", fix=["a fix"])),
            Step("second", lambda _: Finding(SKIPPED, "not needed")),
            Step("third", lambda _: ok("it works"), ("first", "second")),
        ),
    )
    found = examination.summary("reporting", examination.examine(Patient("reporting")))
    assert (found["ok"], found["warnings"], found["passed"], found["name"]) == (True, ["first"], ["third"], "reporting")


def test_each_step_needs_steps_before_it():
    names = [step.name for step in examination.STEPS]
    for step in examination.STEPS:
        assert all(names.index(need) < names.index(step.name) for need in step.needs)


def test_settings_that_are_wrong_show_no_secret(monkeypatch):
    monkeypatch.setenv("RDSPOOL_URL", "mysql+rdspool://app:pa/ss@word@host/database")
    monkeypatch.setenv("RDSPOOL_PASSWORD", "pw-of-mine")
    found = settings.look(Patient(None))
    assert found.outcome == FAILED
    assert found.facts["variables"] == ["RDSPOOL_PASSWORD", "RDSPOOL_URL"]
    shown = json.dumps(Result("settings", 0, found).as_json())
    assert "word" not in shown.replace("PASSWORD", "").replace("password", "")
    assert "pw-of-mine" not in shown


# -- the report ----------------------------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def one_step(monkeypatch):
    finding = Finding(FAILED, "broken", {"host": "db\x1b[2J", "rows": [{"user": "app", "count": 2}]}, cause="a cause", fix=["a fix"])
    monkeypatch.setattr(examination, "STEPS", (Step("dns", lambda _: finding),))


@pytest.mark.parametrize(
    ("out", "options", "no_color", "coloured"),
    [
        (Terminal, {}, "", True),
        (Terminal, {}, "1", False),
        (Terminal, {"colour": False}, "", False),
        (io.StringIO, {}, "", False),
        (Terminal, {"as_json": True}, "", False),
    ],
)
def test_colour_is_for_terminals(one_step, monkeypatch, out, options, no_color, coloured):
    monkeypatch.setenv("NO_COLOR", no_color)
    written = out()
    assert command.run(None, out=written, **options) == 1
    assert ("\033[31m" in written.getvalue()) is coloured
    assert "\033[2J" not in written.getvalue()


def test_the_text_of_a_step(one_step):
    (result,) = examination.examine(Patient(None))
    lines = list(report.lines(result, colour=False))
    assert lines[0].startswith("failed   dns ")
    assert lines[1:] == ["    host: db\\x1b[2J", "    rows:", "        user app, count 2", "    cause: a cause", "    fix: a fix"]


def test_the_form_of_the_json(one_step):
    """What readers of it rest on: docs/doctor.md describes it."""
    found = examination.summary(None, examination.examine(Patient(None)))
    assert list(found) == ["format", "rdspool", "name", "ok", "failed", "warnings", "passed", "steps"]
    assert found["format"] == 1
    assert list(found["steps"][0]) == ["step", "outcome", "seconds", "found", "facts", "cause", "fix"]


def test_a_name_that_no_engine_can_have(capsys):
    assert command.run("mysql://app:pw@host/") == 2
    assert "pw" not in capsys.readouterr().err
    with pytest.raises(SettingsError):
        doctor.handler({"name": "a name"}, None)
