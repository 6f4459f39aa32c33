"""The step "token": what signs in: a token and what it was signed for, or the password that AWS keeps."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs

from .. import _login
from .._aws.token import TOKEN_LIFETIME, TokenSource
from ..errors import ConnectTimeoutError, CredentialsError
from ..secret import EmptiedFrames, Secret
from .patient import Patient
from .step import FAILED, OK, WARNING, Finding, skipped


def look(patient: Patient) -> Finding:
    """Sign a token as each connect does, or look at the one that is given."""
    settings = patient.settings
    if settings.stored:
        return _stored(patient)
    if settings.password is not None:
        patient.secret = settings.password
        if patient.gives_password:
            return skipped("a password signs in, so no token is signed")
        return Finding(
            WARNING,
            "a token that was made elsewhere is given as the password",
            _facts(settings.password),
            cause=f"A token signs in for {TOKEN_LIFETIME} s. Connections that are made later are refused",
            fix=["Leave RDSPOOL_PASSWORD out, so that rdspool signs a token when it needs one"],
        )
    assert settings.region is not None
    assert patient.credentials is not None
    found = patient.credentials
    with EmptiedFrames():
        patient.secret, _ = TokenSource(settings.own_name, settings.own_port, settings.user, settings.region, lambda _: found).get()
    left = found.expires - time.time()
    facts = _facts(patient.secret)
    if left <= 0:
        return Finding(FAILED, "the credentials have ended", facts, cause=f"They ended {-left:.0f} s ago", fix=["Get new credentials"])
    return Finding(OK, f"signed for {settings.user!r} at {facts['target']} in {settings.region} with {facts['access_key']}", facts)


def _stored(patient: Patient) -> Finding:
    """Read the password from where AWS keeps it, as the first connect does."""
    settings, source = patient.settings, _login.stored_source(patient.settings)
    try:
        with EmptiedFrames():
            found = source.get(patient.limit())
            patient.settings = _login.completed(settings, found)
    except (CredentialsError, ConnectTimeoutError) as error:
        return Finding(
            FAILED, f"{source.place} gives no password", cause=str(error), fix=["Do what the cause says, and run the doctor again"]
        )
    patient.secret = found.password
    facts = {"service": source.place.service, "name": source.place.name, "region": source.place.region, "user": patient.settings.user}
    return Finding(OK, f"{source.place} has the password of {patient.settings.user!r}", facts)


def _facts(token: Secret) -> dict[str, Any]:
    """Return what a token's text tells, without its signature and the session token in it."""
    target, _, query = token.reveal().partition("/?")
    values = {name: found[0] for name, found in parse_qs(query).items() if name not in ("X-Amz-Signature", "X-Amz-Security-Token")}
    scope = values.get("X-Amz-Credential", "").split("/")
    return {
        "target": target,
        "user": values.get("DBUser"),
        "access_key": scope[0],
        "region": scope[2] if len(scope) > 2 else None,
        "signed": values.get("X-Amz-Date"),
        "lifetime": int(values["X-Amz-Expires"]) if values.get("X-Amz-Expires", "").isdecimal() else None,
    }
