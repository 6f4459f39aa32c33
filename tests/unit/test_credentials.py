"""Credentials that are not in the environment: botocore's own chain, with the files and programs of a developer's machine."""

from __future__ import annotations

import datetime
import json
import logging
import os
import socket
import subprocess
import sys
import time

import pytest
from rdspool import ConnectTimeoutError, CredentialsError
from rdspool._aws import credentials
from rdspool._aws.credentials import UNKNOWN_LIFETIME, Credentials, find_credentials
from rdspool.deadlines import within
from rdspool.secret import Secret


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine without AWS credentials, and a function that writes its configuration."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setattr(credentials, "_resolved", None)

    def configure(text):
        (tmp_path / "config").write_text(text)

    yield configure
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("botocore")]:
        logging.getLogger(name).handlers.clear()


def process(tmp_path, **answer):
    """The configuration of a program that gives credentials out."""
    (tmp_path / "answer.json").write_text(json.dumps({"Version": 1, "AccessKeyId": "AKIAP", "SecretAccessKey": "key", **answer}))
    return f"[default]\ncredential_process = cat {tmp_path / 'answer.json'}\n"


def test_a_profiles_keys(machine):
    machine("[default]\naws_access_key_id = AKIAF\naws_secret_access_key = from the file\n")
    assert find_credentials() == Credentials("AKIAF", Secret("from the file"))
    assert find_credentials().expires == UNKNOWN_LIFETIME == float("inf")


def test_half_of_the_environments_keys_are_none(machine, monkeypatch):
    machine("[default]\naws_access_key_id = AKIAF\naws_secret_access_key = from the file\n")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert find_credentials().access_key == "AKIAF"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAE")
    assert find_credentials() == Credentials("AKIAE", Secret("x"))


def test_credentials_of_a_program_have_an_end(machine, tmp_path):
    end = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(hours=2)
    machine(process(tmp_path, SessionToken="token", Expiration=end.isoformat()))
    found = find_credentials()
    assert found == Credentials("AKIAP", Secret("key"), Secret("token"), end.timestamp())


def test_botocore_is_asked_once_in_a_process(machine, tmp_path, monkeypatch):
    machine("[default]\naws_access_key_id = AKIAF\naws_secret_access_key = x\n")
    find_credentials()
    machine("[default]\naws_access_key_id = AKIAG\naws_secret_access_key = x\n")
    assert find_credentials().access_key == "AKIAF"
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert find_credentials().access_key == "AKIAG", "a child of a fork asks for itself"


def test_there_are_none(machine):
    machine("")
    with pytest.raises(CredentialsError, match=r"neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor a profile"):
        find_credentials()
    machine("[default]\naws_access_key_id = AKIAF\naws_secret_access_key = x\n")
    assert find_credentials().access_key == "AKIAF", "that there were none is not kept"


def test_a_program_that_fails(machine):
    machine("[default]\ncredential_process = false\n")
    with pytest.raises(CredentialsError, match="botocore could not load the AWS credentials"):
        find_credentials()


def test_credentials_that_cant_be_refreshed(machine, tmp_path):
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=2)
    machine(process(tmp_path, SessionToken="token", Expiration=end.isoformat()))
    find_credentials()
    kept = credentials._resolved[1]
    kept._expiry_time = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    (tmp_path / "answer.json").write_text("no JSON")
    with pytest.raises(CredentialsError, match="botocore could not refresh the AWS credentials of 'custom-process'"):
        find_credentials()


class Ended:
    """Credentials that say of themselves that they have ended, and give themselves out all the same."""

    method = "sso"

    def __init__(self, ahead):
        self._expiry_time = datetime.datetime.fromtimestamp(time.time() + ahead, datetime.UTC)

    def get_frozen_credentials(self):
        return type("Frozen", (), {"access_key": "A", "secret_key": "s", "token": None})


def test_credentials_that_have_ended(machine, monkeypatch):
    now = float(int(time.time()))
    monkeypatch.setattr(time, "time", lambda: now)
    for ahead in (0, -1):
        monkeypatch.setattr(credentials, "_resolved", (os.getpid(), Ended(ahead)))
        with pytest.raises(CredentialsError, match="the AWS credentials of 'sso' ended and were not renewed: sign in again"):
            find_credentials()
    monkeypatch.setattr(credentials, "_resolved", (os.getpid(), Ended(60)))
    assert find_credentials().session_token is None
    assert find_credentials().expires == pytest.approx(now + 60, abs=0.001)


def test_without_botocore(machine, monkeypatch):
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(CredentialsError, match="botocore, which would look for a profile.*is not installed"):
        find_credentials()


def test_the_environments_keys_need_no_botocore(machine):
    program = "import sys; from rdspool._aws.credentials import find_credentials; find_credentials(); print('botocore' in sys.modules)"
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"


def test_a_service_that_never_answers_is_waited_for_up_to_the_limit(machine, monkeypatch):
    """As a container's, or an environment's that was restored from a snapshot: botocore has time-outs of its own, and tries again."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        with pytest.raises(ConnectTimeoutError, match=r"looked for AWS credentials for 0\.3 s \(the test's\), and none came"):
            find_credentials(within(0.3, "the test's"))


def test_within_a_limit_the_same_credentials_are_found(machine, tmp_path):
    machine(process(tmp_path))
    assert find_credentials(within(60, "the test's")) == find_credentials()
    machine("")


def test_a_failure_within_the_limit_is_the_same_failure(machine):
    with pytest.raises(CredentialsError, match="no AWS credentials"):
        find_credentials(within(60, "the test's"))


def test_credentials_show_no_secret_and_never_change():
    found = Credentials("AKIA", Secret("the-key"), Secret("the-token"))
    assert "the-" not in repr(found)
    assert "***" not in repr(found), "what is secret is left out"
    with pytest.raises(AttributeError):
        found.expires = 5
    assert not hasattr(found, "__dict__")


def test_what_a_server_of_aws_has_said_can_go_into_a_log():
    assert str(CredentialsError("a\nb\x1b[31m")) == r"a\nb\x1b[31m"
