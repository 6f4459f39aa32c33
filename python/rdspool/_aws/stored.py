"""The password that AWS keeps: in a secret of Secrets Manager, or in a parameter of Systems Manager (SSM).

It is asked from the Parameters and Secrets extension of the function where that is there, which keeps it for all that run in the environment,
and from the API else. Nothing imports this before it is used.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from .._bounded_calls import in_time
from .._driver.error_numbers import TIMED_OUT
from ..deadlines import Limit
from ..errors import ConnectTimeoutError, CredentialsError
from ..secret import EmptiedFrames, Secret
from . import requests
from .credentials import find_credentials

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"
"""The version that a rotation has made. From the change on the server to the end of the rotation, it signs in, and AWSCURRENT does not."""

SECRETS_MANAGER: Final = "secretsmanager"
SSM: Final = "ssm"
_VARIABLES: Final = {SECRETS_MANAGER: "AWS_ENDPOINT_URL_SECRETS_MANAGER", SSM: "AWS_ENDPOINT_URL_SSM"}
_TARGETS: Final = {SECRETS_MANAGER: "secretsmanager.GetSecretValue", SSM: "AmazonSSM.GetParameter"}
_NOT_FOUND: Final = ("ResourceNotFoundException", "ParameterNotFound")
_PASSING: Final = ("ThrottlingException", "InternalServiceError", "InternalServerError")
_PAUSE: Final = 0.1
"""Seconds before another attempt after an error of AWS that passes; each one after is twice as long."""
EXTENSION_PORT: Final = 2773
"""Where the extension listens, if PARAMETERS_SECRETS_EXTENSION_HTTP_PORT does not say otherwise (AWS Secrets Manager User Guide)."""


class Place(NamedTuple):
    """Where the password is kept."""

    service: str
    """SECRETS_MANAGER or SSM."""
    name: str
    """Name or ARN."""
    region: str

    def __str__(self) -> str:
        return f"the {'secret' if self.service == SECRETS_MANAGER else 'parameter'} {self.name!r} in {self.region}"


class Stored(NamedTuple):
    """What is kept. A secret in the form of RDS's has all of it, a parameter the password only."""

    password: Secret
    user: str | None = None
    host: str | None = None
    port: int | None = None
    database: str | None = None


class StoredSource:
    """Reads the password of one place, and keeps it until the server refuses it. Thread-safe; nothing is kept when reading fails."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._lock = threading.Lock()
        self._kept: Stored | None = None

    def __repr__(self) -> str:
        return f"<StoredSource of {self.place}>"

    def get(self, limit: Limit) -> Stored:
        """Return what is kept. Raises CredentialsError where it can't be read, ConnectTimeoutError at the limit."""
        if not self._lock.acquire(timeout=max(0.0, limit.left())):
            raise ConnectTimeoutError(f"another thread has read {self.place} for {limit}, and got no answer", errno=TIMED_OUT)
        try:
            if self._kept is None:
                found = _read(self.place, CURRENT, limit)
                assert found is not None
                self._kept = found
            return self._kept
        finally:
            self._lock.release()

    def others(self, refused: Stored, limit: Limit) -> Iterator[Stored]:
        """Yield what may sign in where the server has refused what was kept: the secret was rotated, or is being rotated.

        Read from the API: the extension keeps what it has read, for 5 minutes by default. Raises what `get()` raises.
        """
        current = _read(self.place, CURRENT, limit, anew=True)
        if current is not None and current != refused:
            yield current
        pending = _read(self.place, PENDING, limit, anew=True) if self.place.service == SECRETS_MANAGER else None
        if pending is not None and pending not in (refused, current):
            yield pending

    def keep(self, found: Stored | None) -> None:
        """Keep what has signed in. None: nothing does, and the next call reads it."""
        with self._lock:
            self._kept = found


_sources: dict[Place, StoredSource] = {}
_sources_lock = threading.Lock()


def source(place: Place) -> StoredSource:
    """Return the process's source for a place."""
    with _sources_lock:
        return _sources.setdefault(place, StoredSource(place))


def forget() -> None:
    """Forget what was read, and all locks: after a fork, or before a snapshot, which environments share."""
    global _sources_lock
    _sources_lock = threading.Lock()
    _sources.clear()


def _read(place: Place, stage: str, limit: Limit, *, anew: bool = False) -> Stored | None:
    """Return what is kept in this version, None where there is no such version (but AWSCURRENT). `anew`: not from the extension."""
    with EmptiedFrames():
        text = in_time(lambda: _asked(place, stage, limit, anew=anew), limit)
        if text is None:
            raise ConnectTimeoutError(
                f"{place} was asked for {limit}, and no answer came: a function in a VPC reaches {place.service} through {_way(place)}",
                errno=TIMED_OUT,
            )
        if text == _NONE:
            return None
        return _parsed(place, text)


_NONE: Final = Secret("")
"""In the place of a version that is not there: a secret can't be empty."""


def _asked(place: Place, stage: str, limit: Limit, *, anew: bool) -> Secret:
    answer = None if anew else _extension(place, stage, limit)
    if answer is None:
        answer = _api(place, stage, limit)
    fields = _fields(answer.body)
    if answer.status != 200:
        code = str(fields.get("__type", "")).rpartition("#")[2] or f"status {answer.status}"
        if code in _NOT_FOUND and stage != CURRENT:
            return _NONE
        said = fields.get("message") or fields.get("Message") or answer.body[:300].decode("utf-8", "replace")
        raise CredentialsError(f"{place} could not be read: {code}: {said}{_advice(place, code)}")
    value = fields.get("SecretString") if place.service == SECRETS_MANAGER else _of(fields.get("Parameter")).get("Value")
    if not isinstance(value, str) or not value:
        raise CredentialsError(f"{place} has no text in it: rdspool reads a SecretString, or the value of a parameter")
    return Secret(value)


def _way(place: Place) -> str:
    return f"a VPC endpoint (com.amazonaws.{place.region}.{place.service}) or a NAT gateway"


def _advice(place: Place, code: str) -> str:
    if code in _NOT_FOUND:
        return ". Check its name, and give an ARN if it is in another region or account"
    if code == "AccessDeniedException":
        action = "secretsmanager:GetSecretValue" if place.service == SECRETS_MANAGER else "ssm:GetParameter"
        return f". Allow the function's role {action} on it, and kms:Decrypt on its key if that is one of your own"
    return ""


def _extension(place: Place, stage: str, limit: Limit) -> requests.Answer | None:
    """Return the answer of the extension, None where there is none, or it is not ready, as in the init phase of the function."""
    given = os.environ.get("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT")
    token = os.environ.get("AWS_SESSION_TOKEN")
    if not token or not (given or os.environ.get("AWS_LAMBDA_RUNTIME_API")):
        return None
    name = urllib.parse.quote(place.name, safe="")
    path = (
        f"secretsmanager/get?secretId={name}&versionStage={stage}"
        if place.service == SECRETS_MANAGER
        else f"systemsmanager/parameters/get?name={name}&withDecryption=true"
    )
    url = f"http://localhost:{given or EXTENSION_PORT}/{path}"
    try:
        answer = requests.get(url, {"X-Aws-Parameters-Secrets-Token": token}, max(0.1, limit.left()))
    except requests.NoAnswerError:
        return None
    # It keeps to itself what AWS has said, and is not ready before the init phase is over: the API answers both.
    return answer if answer.status == 200 else None


def _api(place: Place, stage: str, limit: Limit) -> requests.Answer:
    """Return the answer of the API. Errors that pass are tried again while there is time."""
    body: dict[str, Any] = (
        {"SecretId": place.name, "VersionStage": stage}
        if place.service == SECRETS_MANAGER
        else {"Name": place.name, "WithDecryption": True}
    )
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": _TARGETS[place.service]}
    url = requests.endpoint(place.service, place.region, _VARIABLES[place.service])
    pause = _PAUSE
    while True:
        credentials = find_credentials()
        try:
            answer = requests.post(
                url, place.service, place.region, headers, json.dumps(body).encode(), credentials, max(0.1, limit.left())
            )
        except requests.NoAnswerError as error:
            reaches = f": a function in a VPC reaches it through {_way(place)}" if error.unreachable else ""
            raise CredentialsError(f"{place} could not be read: {error}{reaches}") from None
        passes = answer.status >= 500 or str(_fields(answer.body).get("__type", "")).rpartition("#")[2] in _PASSING
        if answer.status == 200 or not passes or limit.left() < 2 * pause:
            return answer
        time.sleep(pause)
        pause *= 2


def _parsed(place: Place, text: Secret) -> Stored:
    """Return what a text says: the password itself, or RDS's JSON with `username`, `password`, `host`, `port` and `dbname`."""
    fields = _fields(text.reveal().encode()) if place.service == SECRETS_MANAGER else {}
    if not fields:
        return Stored(text)
    password, port = fields.get("password"), fields.get("port")
    if not isinstance(password, str) or not password:
        raise CredentialsError(
            f'{place} is JSON without a "password": rdspool reads the form of RDS\'s secrets, {{"username": ..., "password": ...}}'
        )
    user, host, database = (str(fields[key]) if fields.get(key) else None for key in ("username", "host", "dbname"))
    return Stored(Secret(password), user, host, int(port) if isinstance(port, (int, str)) and str(port).isdecimal() else None, database)


def _fields(text: bytes) -> dict[str, Any]:
    """Return a JSON object, nothing for any other text. Not by an exception that leaves this function: it would carry the text."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return _of(found)


def _of(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}
