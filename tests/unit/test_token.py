"""The IAM token: the same text as botocore's, kept as long as it is good."""

from __future__ import annotations

import datetime
import functools
import string
import threading
import urllib.parse

import botocore.session
import pytest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given, settings
from hypothesis import strategies as st
from rdspool import ConnectTimeoutError
from rdspool._aws.credentials import Credentials, find_credentials
from rdspool._aws.token import RENEWAL_MARGIN, TOKEN_LIFETIME, TokenSource, quoted, sign
from rdspool.deadlines import within
from rdspool.secret import Secret

HOST = "app.cluster-c1abc.eu-central-1.rds.amazonaws.com"
KEYS = Credentials("AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), Secret("FwoGZXIvYXdzEBYaD//+=="))


@functools.cache
def rds_client(region):
    session = botocore.session.Session()
    session._credentials = BotocoreCredentials("-", "-")
    return session.create_client("rds", region_name=region)


def botocore_token(host, port, user, region, credentials, at, monkeypatch):
    client = rds_client(region)
    session_token = credentials.session_token.reveal() if credentials.session_token else None
    with monkeypatch.context() as patch:
        keys = BotocoreCredentials(credentials.access_key, credentials.secret_key.reveal(), session_token)
        patch.setattr(client._request_signer, "_credentials", keys)
        moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
        patch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: moment)
        return client.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user, Region=region)


@pytest.mark.parametrize("session_token", [None, "short", "FwoGZXIvYXdzEBYaD//+==" * 40, "a b&c=d%2F~é"])
@pytest.mark.parametrize("user", ["app", "lambda_user", "user@corp.example", "spaced name", "ümlaut", "a/b+c~d-e.f", "%2F"])
@pytest.mark.parametrize(
    ("host", "port", "region"),
    [
        (HOST, 3306, "eu-central-1"),
        ("mydb.c1abc.rds.cn-north-1.amazonaws.com.cn", 3307, "cn-north-1"),
        ("p.proxy-c1abc.us-gov-west-1.rds.amazonaws.com", 65535, "us-gov-west-1"),
        ("mydb.c1abc.eusc-de-east-1.rds.amazonaws.eu", 3306, "eusc-de-east-1"),
        ("db.example.com", 443, "us-east-1"),
        ("db.example.com", 80, "us-east-1"),
    ],
)
def test_a_token_equals_botocores(host, port, region, user, session_token, monkeypatch):
    keys = Credentials("AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG+bPx"), Secret(session_token) if session_token else None)
    at = 1795436461
    assert sign(host, port, user, region, keys, at).reveal() == botocore_token(host, port, user, region, keys, at, monkeypatch)


@given(
    user=st.text(st.characters(codec="utf-8", exclude_characters="\n\r\t"), min_size=1, max_size=32),
    host=st.lists(st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12), min_size=1, max_size=5).map(".".join),
    port=st.integers(1, 65535),
    at=st.integers(0, 4_000_000_000),
    secret=st.text(string.ascii_letters + string.digits + "/+=", min_size=1, max_size=60),
    token=st.none() | st.text(string.ascii_letters + string.digits + "/+=&?# ", min_size=1, max_size=200),
)
@settings(max_examples=60, deadline=None)
def test_a_token_equals_botocores_for_any_arguments(user, host, port, at, secret, token):
    keys = Credentials("AKIDEXAMPLE", Secret(secret), Secret(token) if token else None)
    with pytest.MonkeyPatch.context() as patch:
        assert sign(host, port, user, "eu-west-3", keys, at).reveal() == botocore_token(host, port, user, "eu-west-3", keys, at, patch)


@pytest.mark.parametrize("set_ones", [(), ("AWS_SESSION_TOKEN",), ("AWS_SECURITY_TOKEN",), ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")])
def test_credentials_are_those_that_botocore_finds(set_ones, monkeypatch):
    for name in ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_CREDENTIAL_EXPIRATION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", *set_ones):
        monkeypatch.setenv(name, f"value of {name}")
    theirs = botocore.session.Session().get_credentials().get_frozen_credentials()
    ours = find_credentials()
    assert (ours.access_key, ours.secret_key.reveal()) == (theirs.access_key, theirs.secret_key)
    assert (ours.session_token.reveal() if ours.session_token else None) == theirs.token


class Clock:
    def __init__(self, monkeypatch):
        self.now = 1_795_436_461.0
        monkeypatch.setattr("rdspool._aws.token.time.time", lambda: self.now)


def source(credentials=KEYS):
    current = {"keys": credentials}
    return current, TokenSource(HOST, 3306, "app", "eu-central-1", lambda _: current["keys"])


def test_a_token_is_kept_until_it_nears_its_end(monkeypatch):
    clock = Clock(monkeypatch)
    _, tokens = source()
    first, reused = tokens.get()
    assert not reused
    clock.now += TOKEN_LIFETIME - RENEWAL_MARGIN - 1
    assert tokens.get() == (first, True)
    clock.now += 1
    second, reused = tokens.get()
    assert not reused
    assert second != first


def test_a_token_is_not_kept_beyond_its_credentials(monkeypatch):
    clock = Clock(monkeypatch)
    keys = Credentials("AKID", Secret("s"), None, expires=clock.now + 300)
    _, tokens = source(keys)
    first, _ = tokens.get()
    clock.now += 300 - RENEWAL_MARGIN
    assert tokens.get()[0] != first


def test_new_credentials_sign_a_new_token(monkeypatch):
    Clock(monkeypatch)
    current, tokens = source()
    first, _ = tokens.get()
    current["keys"] = Credentials("AKIDOTHER", Secret("other"))
    second, reused = tokens.get()
    assert not reused
    assert "AKIDOTHER" in second.reveal()
    assert second != first


def test_a_refused_token_is_dropped_once(monkeypatch):
    clock = Clock(monkeypatch)
    _, tokens = source()
    first, _ = tokens.get()
    tokens.forget(first)
    clock.now += 1
    second, reused = tokens.get()
    assert not reused
    tokens.forget(first)
    assert tokens.get() == (second, True)


def test_nothing_is_kept_when_signing_fails():
    def fail(_):
        raise RuntimeError("no role")

    tokens = TokenSource(HOST, 3306, "app", "eu-central-1", fail)
    with pytest.raises(RuntimeError):
        tokens.get()
    tokens._credentials = lambda _: KEYS
    assert tokens.get()[1] is False


def test_many_threads_get_one_token():
    tokens = TokenSource(HOST, 3306, "app", "eu-central-1", lambda _: KEYS)
    found = []
    threads = [threading.Thread(target=lambda: found.append(tokens.get()[0])) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(token) for token in found}) == 1


def test_no_text_of_a_token_shows_a_secret():
    _, tokens = source()
    token, _ = tokens.get()
    assert "Signature" in token.reveal()
    for shown in (repr(tokens), repr(token), str(token), f"{token}", repr(KEYS)):
        assert "Signature" not in shown
        assert "wJalr" not in shown
        assert "FwoG" not in shown


def test_a_thread_waits_for_another_ones_look_up_no_longer_than_its_limit():
    begun, go_on = threading.Event(), threading.Event()

    def slow(_):
        begun.set()
        go_on.wait()
        return KEYS

    tokens = TokenSource(HOST, 3306, "app", "eu-central-1", slow)
    first = threading.Thread(target=tokens.get)
    first.start()
    begun.wait()
    with pytest.raises(ConnectTimeoutError, match=r"another thread has looked for AWS credentials for 0\.05 s"):
        tokens.get(within(0.05, "the test's"))
    go_on.set()
    first.join()
    assert tokens.get(within(60, "the test's"))[1]


@given(st.text())
def test_a_text_is_quoted_as_urllib_does(text):
    text = text.encode(errors="ignore").decode()  # without lone surrogates, which are refused by both
    assert quoted(text) == urllib.parse.quote(text, safe="")


def test_every_byte_is_quoted_as_urllib_does():
    every = "".join(map(chr, range(0x250)))
    assert quoted(every) == urllib.parse.quote(every, safe="")
    for wrong in ("\ud800", "a\udcff"):
        with pytest.raises(UnicodeEncodeError):
            quoted(wrong)
