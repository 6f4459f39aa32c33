"""The front's own check of IAM tokens, against botocore's signature and against tokens that must be refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlencode

import botocore.auth
import botocore.session
import pytest

from local.front.iam import Credentials, TokenCheck

HOST, PORT, REGION = "app.cluster-c1abcdefghij.eu-central-1.rds.amazonaws.com", 3306, "eu-central-1"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SESSION_TOKEN = "IQoJb3JpZ2luX2Vj/+==EXAMPLE" * 20
PERMANENT = Credentials("AKIAIOSFODNN7EXAMPLE", SECRET)
TEMPORARY = Credentials("ASIAIOSFODNN7EXAMPLE", SECRET, SESSION_TOKEN)
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def signed(
    monkeypatch: pytest.MonkeyPatch,
    credentials: Credentials = PERMANENT,
    *,
    host: str = HOST,
    port: int = PORT,
    user: str = "app",
    region: str = REGION,
    at: datetime = NOW,
) -> str:
    """Return botocore's own token, signed at that time."""
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: at.replace(tzinfo=None))
    session = botocore.session.Session()
    session.set_credentials(credentials.access_key, credentials.secret_key, credentials.session_token)
    token: str = session.create_client("rds", region_name=region).generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user)
    return token


def refusal(token: str, credentials: Credentials = PERMANENT, *, user: str = "app", now: datetime = NOW) -> str | None:
    return TokenCheck(credentials, REGION, HOST, PORT).refusal(token, user, now.timestamp())


def changed(token: str, **values: str | None) -> str:
    """Return the token with parameters replaced or (None) left out, its signature as it was."""
    address, _, query = token.partition("/?")
    names = {"session": "X-Amz-Security-Token", "date": "X-Amz-Date", "expires": "X-Amz-Expires", "headers": "X-Amz-SignedHeaders"}
    pairs = dict(parse_qsl(query))
    for key, value in values.items():
        name = names.get(key, key)
        if value is None:
            del pairs[name]
        else:
            pairs[name] = value
    return f"{address}/?{urlencode(pairs, quote_via=quote)}"


@pytest.mark.parametrize("user", ["app", "App_User", "röt", "a b+c", "x/y=z&w", "~tilde-._"])
@pytest.mark.parametrize("credentials", [PERMANENT, TEMPORARY], ids=["permanent", "temporary"])
def test_takes_botocores_token(monkeypatch: pytest.MonkeyPatch, credentials: Credentials, user: str) -> None:
    assert refusal(signed(monkeypatch, credentials, user=user), credentials, user=user) is None


def test_age(monkeypatch: pytest.MonkeyPatch) -> None:
    token = signed(monkeypatch)
    assert refusal(token, now=NOW + timedelta(seconds=900)) is None
    assert refusal(token, now=NOW + timedelta(seconds=1201)) == "expired: 1201 s old"
    assert refusal(token, now=NOW - timedelta(seconds=300)) is None
    assert refusal(token, now=NOW - timedelta(seconds=301)) == "future: signed 301 s ahead"


def test_wrong_target(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (refusal(signed(monkeypatch, host="other." + HOST)) or "").startswith("host: ")
    assert refusal(signed(monkeypatch, port=3307)) == "port: the token is for 3307, this is 3306"
    assert refusal(signed(monkeypatch, user="other")) == "user: the token is for other, the login is app"
    assert refusal(signed(monkeypatch, region="us-east-1")) == "region: the token is for us-east-1, this is eu-central-1"


def test_wrong_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(signed(monkeypatch, TEMPORARY)) == "access key: ASIAIOSFODNN7EXAMPLE is unknown"
    other = Credentials(PERMANENT.access_key, "another")
    assert refusal(signed(monkeypatch, other)) == "signature: it does not match"
    without = Credentials(TEMPORARY.access_key, SECRET)
    assert refusal(signed(monkeypatch, without), TEMPORARY) == "session token: missing"
    wrong = Credentials(TEMPORARY.access_key, SECRET, "another")
    assert refusal(signed(monkeypatch, wrong), TEMPORARY) == "session token: not that of the credentials"
    extra = Credentials(PERMANENT.access_key, SECRET, "unasked")
    assert refusal(signed(monkeypatch, extra)) == "session token: not that of the credentials"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"Action": "disconnect"}, "action: disconnect, not connect"),
        ({"expires": "901"}, "expires: X-Amz-Expires is 901, not 1 to 900"),
        ({"expires": "0"}, "expires: X-Amz-Expires is 0, not 1 to 900"),
        ({"expires": "899"}, "signature: it does not match"),
        ({"date": "20261123T115959Z"}, "signature: it does not match"),
        ({"date": "20261122T120000Z"}, "malformed: the credential's date is not that of X-Amz-Date"),
        ({"date": "now"}, "malformed: the credential's date is not that of X-Amz-Date"),
        ({"headers": "host;x"}, "malformed: the signed headers are not just host"),
        ({"X-Amz-Signature": "0" * 64}, "signature: it does not match"),
        ({"X-Amz-Signature": None}, "malformed: no X-Amz-Signature"),
        ({"X-Amz-Algorithm": "AWS4-HMAC-SHA512"}, "algorithm: AWS4-HMAC-SHA512, not AWS4-HMAC-SHA256"),
        ({"X-Amz-Credential": "AKIAIOSFODNN7EXAMPLE/20261123/eu-central-1/rds/aws4_request"}, "service: rds, not rds-db"),
        ({"X-Amz-Credential": "AKIAIOSFODNN7EXAMPLE"}, "malformed: X-Amz-Credential is not key/date/region/service/aws4_request"),
        ({"Extra": "1"}, "signature: it does not match"),
    ],
)
def test_tampered(monkeypatch: pytest.MonkeyPatch, values: dict[str, str | None], reason: str) -> None:
    assert refusal(changed(signed(monkeypatch), **values)) == reason


def test_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    token = signed(monkeypatch)
    assert refusal("https://" + token) == "malformed: it begins with a scheme"
    assert refusal("a password") == "malformed: it is not host:port/?query"
    assert refusal("") == "malformed: it is not host:port/?query"
    assert refusal(token + "&Action=connect") == "malformed: a parameter is repeated"
    assert refusal(f"{HOST}:{PORT}/?{'%zz' * 3}") == "malformed: its query cannot be parsed"


def test_secrets_stay_out_of_reprs() -> None:
    text = repr(TokenCheck(TEMPORARY, REGION, HOST, PORT))
    assert SECRET not in text
    assert SESSION_TOKEN not in text
    assert TEMPORARY.access_key in text
