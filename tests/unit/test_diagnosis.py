"""What a failed connect says: the class of the error, its number, and which object, value and remedy it names."""

from __future__ import annotations

import errno
import socket
import ssl
import time

import pytest
from fake_server import refusal
from mysql.connector.errors import ConnectionTimeoutError, DatabaseError, InterfaceError, OperationalError, ProgrammingError
from rdspool import (
    CertificateError,
    ConnectError,
    ConnectTimeoutError,
    ProtocolError,
    ProxyTimeoutError,
    Settings,
    SignInError,
    StatementTimeoutError,
    TooManyConnectionsError,
    UnreachableError,
)
from rdspool._aws.credentials import Credentials
from rdspool._aws.diagnosis import explain
from rdspool._aws.token import sign
from rdspool._driver.responses import parse_error
from rdspool._driver.sign_in import NoGreetingError, UnverifiedAnswerError
from rdspool._driver.transport import NameTimeoutError
from rdspool.deadlines import Limit
from rdspool.secret import Secret

HOST = "db.c1abc.eu-central-1.rds.amazonaws.com"
WHERE = f"{HOST}:3307"
CREDENTIALS = Credentials("AKIA", Secret("key"))
LIMIT = Limit(104.0, 100.0, "RDSPOOL_CONNECT_TIMEOUT")


def settings(**others):
    given = {"host": HOST, "user": "app", "port": 3307, "database": "shop", "region": "eu-central-1", "connect_timeout": 4.0}
    return Settings(**{**given, **others})


def caused(error, cause):
    error.__cause__ = cause
    return error


def unverified_certificate(code, message="self-signed certificate"):
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_code, cause.verify_message = code, message
    return caused(InterfaceError("TLS failed", errno=2026), cause)


def told(error, kind, number, *words, secret=None, **others):
    """Explain the error, and check the class, the number and the words; return the text."""
    found = explain(error, settings(**others), secret, LIMIT)
    assert type(found) is kind
    assert found.errno == number
    for word in words:
        assert word in str(found.msg)
    return str(found.msg)


# -- no TLS, or a certificate that does not pass ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (62, ("is for another name (self-signed certificate)", "set RDSPOOL_ENDPOINT to the endpoint's own name")),
        (64, ("is for another name", "set RDSPOOL_ENDPOINT to the endpoint's own name")),
        (10, ("has expired", "rotate the database's certificate")),
        (9, ("is not valid yet", "check the clock here")),
        (80, ("does not keep to RFC 5280",)),
        (94, ("does not keep to RFC 5280",)),
        (79, ("is not signed by the roots of RDS in eu-central-1", "set RDSPOOL_CA")),
        (95, ("is not signed by", "nothing was sent to it")),
        (18, ("is not signed by", "self-signed certificate")),
    ],
)
def test_a_certificate_that_does_not_pass(code, words):
    told(unverified_certificate(code), CertificateError, 2026, f"the certificate of {WHERE}", *words)


@pytest.mark.parametrize("code", [18, 85])
def test_authorities_of_ones_own_are_named(code):
    told(unverified_certificate(code), CertificateError, 2026, "RDSPOOL_CA=own.pem", ca="own.pem")


@pytest.mark.parametrize("code", [9, 10])
def test_where_time_is_the_reason_the_clock_is_shown(code, monkeypatch):
    monkeypatch.setattr(time, "gmtime", lambda *_: time.struct_time((2031, 2, 3, 4, 5, 6, 0, 34, 0)))
    told(unverified_certificate(code), CertificateError, 2026, "(2031-02-03 04:05:06 UTC)")


def test_no_tls_at_all():
    told(
        InterfaceError("it offers no TLS", errno=2026),
        CertificateError,
        2026,
        f"no TLS connection to {WHERE}: it offers no TLS.",
        f"{HOST!r}",
    )


def test_another_number_with_a_certificate_as_its_cause_is_no_certificates_error():
    error = unverified_certificate(10)
    error.errno = 2003
    told(error, UnreachableError, 2003)


# -- nothing answers -------------------------------------------------------------------------------------------------------------------


def test_a_name_without_an_address():
    error = caused(OperationalError("x", errno=2003), socket.gaierror(-2, "Name or service not known"))
    told(error, UnreachableError, 2003, f"the host {HOST!r} has no address ([Errno -2] Name or service not known)", "RDSPOOL_HOST")


def test_a_name_server_that_does_not_answer():
    words = (f"the host {HOST!r} was looked up for 4 s (RDSPOOL_CONNECT_TIMEOUT)", "enableDnsSupport")
    told(NameTimeoutError("x", errno=2003), ConnectTimeoutError, 2003, *words)


def test_no_greeting():
    told(
        NoGreetingError("x", errno=2013),
        ConnectTimeoutError,
        2013,
        WHERE,
        "did not greet as MySQL does within 4 s (RDSPOOL_CONNECT_TIMEOUT)",
    )


def test_silence_within_the_sign_in():
    told(StatementTimeoutError("x", 3024), ConnectTimeoutError, 3024, WHERE, "stopped answering in the middle of the sign-in, for 4 s")


@pytest.mark.parametrize(
    "error",
    [
        ConnectionTimeoutError("x", errno=2003),
        caused(OperationalError("x", errno=2003), TimeoutError(errno.ETIMEDOUT, "timed out")),
    ],
    ids=["ours", "the kernel's"],
)
def test_no_answer_in_time(error):
    told(error, ConnectTimeoutError, 2003, f"{WHERE} did not answer within 4 s (RDSPOOL_CONNECT_TIMEOUT)", "security group")


@pytest.mark.parametrize("number", [2003, 2006, 2013, 2055])
def test_a_refused_or_lost_connection(number):
    error = caused(OperationalError("it was refused", errno=number), ConnectionRefusedError(errno.ECONNREFUSED, "refused"))
    told(error, UnreachableError, number, f"no connection to {WHERE}: it was refused. Check RDSPOOL_HOST and RDSPOOL_PORT")


def test_a_peer_that_speaks_otherwise():
    told(ProtocolError("it is no packet", 2027), UnreachableError, 2027, f"{WHERE} does not speak as MySQL does: it is no packet.")


@pytest.mark.parametrize(
    ("number", "kind", "shown", "words"),
    [
        (1040, TooManyConnectionsError, 1040, "which a MySQL server sends when it has as many connections as it may have"),
        (1129, UnreachableError, 2013, "max_connect_errors"),
        (1130, UnreachableError, 2013, "none of its users may come from this address"),
        (1045, UnreachableError, 2013, "It came before TLS"),
        (1203, UnreachableError, 2013, "It came before TLS"),
    ],
)
def test_an_error_before_tls_is_what_somebody_says(number, kind, shown, words):
    told(UnverifiedAnswerError(WHERE, number, "Go away"), kind, shown, f"{WHERE} answered, unverified: error {number} (Go away)", words)


# -- refusals --------------------------------------------------------------------------------------------------------------------------


def denied(number=1045, message="Access denied", state="28000"):
    return ProgrammingError(message, errno=number, sqlstate=state)


def test_a_refused_token():
    text = told(denied(), SignInError, 1045, f"Access denied by {WHERE}: the server does not say why it refused the IAM token of 'app'")
    assert "arn:aws:rds-db:eu-central-1:ACCOUNT:dbuser:RESOURCE-ID/app" in text
    assert f"that {HOST!r} is the endpoint's own name (of an alias, give it as RDSPOOL_ENDPOINT), port and region (eu-central-1)" in text
    assert explain(denied(), settings(), None, LIMIT).sqlstate == "28000"


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eusc-de-east-1", "aws-eusc")]
)
def test_a_refused_token_names_the_resource_in_its_partition(region, partition):
    assert f"rds-db:connect on arn:{partition}:rds-db:{region}:ACCOUNT:" in str(explain(denied(), settings(region=region), None, LIMIT))


def test_a_refused_password():
    text = told(
        denied(), SignInError, 1045, "check RDSPOOL_USER ('app') and RDSPOOL_PASSWORD", secret=Secret("word"), password=Secret("word")
    )
    assert "word'" not in text
    assert "IAM token of" not in text


NOW = 1_900_000_000.0


@pytest.fixture
def clock(monkeypatch):
    """The time stands still at NOW."""
    monkeypatch.setattr(time, "time", lambda: NOW)


def given_token(age=0, host=HOST, port=3307, user="app"):
    token = sign(host, port, user, "eu-central-1", CREDENTIALS, NOW - age)
    return {"secret": token, "password": token}


def test_a_token_given_as_the_password_that_is_right_says_nothing_of_itself(clock):
    for age in (0, 900, -300):
        told(denied(), SignInError, 1045, "check RDSPOOL_USER ('app')", **given_token(age))


def test_a_token_that_has_ended(clock):
    told(denied(), SignInError, 1045, "the IAM token has expired: it was signed 901 s ago and lasts 900 s", **given_token(901))


def test_a_token_of_the_future(clock):
    told(denied(), SignInError, 1045, "the IAM token is from the future (301 s ahead)", **given_token(-301))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"host": "other.test"}, f"was signed for other.test:3307, not for {WHERE}"),
        ({"port": 3306}, f"was signed for {HOST}:3306, not for {WHERE}"),
        ({"user": "else"}, "was signed for the user 'else', not for 'app'"),
    ],
)
def test_a_token_for_something_else(clock, other, words):
    told(denied(), SignInError, 1045, words, **given_token(**other))


@pytest.mark.parametrize(
    "damage",
    ["X-Amz-Date=nonsense&X-Amz-Signature=1", "X-Amz-Signature=1", "X-Amz-Date=20310203T040506Z&X-Amz-Expires=x&X-Amz-Signature=1"],
)
def test_a_damaged_token(damage):
    token = Secret(f"{WHERE}/?Action=connect&{damage}")
    told(denied(), SignInError, 1045, "the IAM token given as the password is damaged", secret=token, password=token)


def test_an_address_of_ipv6_is_the_tokens_target_too():
    """It stands in brackets in the token, and without them in the settings."""
    token = sign("2001:db8::1", 3307, "app", "eu-central-1", CREDENTIALS)
    text = told(denied(), SignInError, 1045, "does not say why it refused the IAM token", secret=token, host="2001:db8::1")
    assert "was signed for" not in text
    other = sign("2001:db8::2", 3307, "app", "eu-central-1", CREDENTIALS)
    told(denied(), SignInError, 1045, "was signed for [2001:db8::2]:3307, not for [2001:db8::1]:3307", secret=other, host="2001:db8::1")


def test_no_rights_on_the_database():
    found = denied(1044, "Access denied for user", "42000")
    told(
        found,
        SignInError,
        1044,
        f"Access denied for user by {WHERE}",
        "'app' has no rights on the database 'shop'",
        "GRANT ... ON `shop`.* TO 'app'@'%'",
    )
    assert explain(found, settings(), None, LIMIT).sqlstate == "42000"


def test_no_such_database():
    found = denied(1049, "Unknown database", "42000")
    told(found, ConnectError, 1049, f"{WHERE} has no database 'shop': check RDSPOOL_DATABASE")
    assert explain(found, settings(), None, LIMIT).sqlstate == "42000"


@pytest.mark.parametrize("number", [1040, 1203, 1226])
def test_too_many_connections(number):
    found = denied(number, "Too many connections", "08004")
    told(found, TooManyConnectionsError, number, f"{WHERE} takes no more connections (Too many connections)", "lambda_log_stream")
    assert explain(found, settings(), None, LIMIT).sqlstate == "08004"


def test_a_proxy_without_a_connection_to_the_database():
    found = parse_error(refusal(9501, "Timed-out waiting to acquire database connection", "HY000"))
    told(
        found,
        ProxyTimeoutError,
        9501,
        f"no connection through {WHERE}: Timed-out waiting",
        "ConnectionBorrowTimeout",
        "MaxConnectionsPercent",
    )
    assert explain(found, settings(), None, LIMIT).sqlstate == "HY000"


def test_any_other_refusal_keeps_its_number_and_its_words():
    found = DatabaseError("something else \n", errno=3118, sqlstate="HY000")
    text = told(found, ConnectError, 3118, f"no connection to {WHERE}: something else")
    assert text.endswith("something else")
    assert explain(found, settings(), None, LIMIT).sqlstate == "HY000"


def test_an_error_without_a_number():
    told(DatabaseError("odd"), ConnectError, -1, "odd")
