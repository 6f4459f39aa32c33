"""The step "credentials": which key signs the token, and where it was found."""

from __future__ import annotations

import base64
import os
import time
from typing import Any, Final

from .._aws import credentials
from ..errors import ConnectTimeoutError, CredentialsError
from .patient import Patient
from .question import Question
from .step import FAILED, OK, WARNING, Finding, skipped

TEMPORARY: Final = "ASIA"
"""How the access keys of roles begin, which are of no use without their session token (IAM User Guide, "IAM identifiers")."""


def look(patient: Patient) -> Finding:
    """Find the credentials as each connect does, and begin to ask STS whose they are."""
    if patient.gives_password and not patient.settings.stored:
        return skipped("a password signs in, so no AWS credentials are needed")
    if patient.gives_token:
        return skipped("a token is given as the password, so no AWS credentials are needed")
    try:
        found = patient.credentials = credentials.find_credentials(patient.limit())
    except (CredentialsError, ConnectTimeoutError) as error:
        return Finding(FAILED, "no AWS credentials were found", cause=str(error), fix=_how_to_get_some())
    source = credentials.source()
    if source == "environment":
        session = next((name for name in ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN") if os.environ.get(name)), None)
        source = f"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY{f', {session}' if session else ''}"
    facts: dict[str, Any] = {
        "access_key": found.access_key,
        "source": source,
        "session_token": found.session_token is not None,
        "expires_in_seconds": None if found.expires == credentials.UNKNOWN_LIFETIME else round(found.expires - time.time()),
        "account": account_of(found.access_key),
    }
    patient.account = patient.account or facts["account"]
    text = f"{found.access_key} from {source}, {'with' if found.session_token else 'without'} a session token"
    if found.access_key.startswith(TEMPORARY) and found.session_token is None:
        return Finding(
            FAILED,
            text,
            facts,
            cause=f"{found.access_key} is the key of a role, because it begins with {TEMPORARY}, and AWS_SESSION_TOKEN is not set: AWS refuses each token that it signs",
            fix=[
                "export AWS_SESSION_TOKEN=...   # the third value of the credentials that AWS_ACCESS_KEY_ID came from",
                "Or unset AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, so that the profile or the role is used",
            ],
        )
    patient.question = Question(found, _region(patient), patient.limit())
    both = os.environ.get("AWS_SECURITY_TOKEN"), os.environ.get("AWS_SESSION_TOKEN")
    if source.startswith("AWS_") and all(both) and both[0] != both[1]:
        return Finding(
            WARNING,
            text,
            facts,
            cause="AWS_SECURITY_TOKEN and AWS_SESSION_TOKEN are both set and differ; the first is used, as in the AWS SDKs",
            fix=["unset AWS_SECURITY_TOKEN"],
        )
    return Finding(OK, text, facts)


def _region(patient: Patient) -> str:
    try:
        region = patient.settings.region
    except AssertionError:  # there are no settings
        region = None
    return region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def _how_to_get_some() -> list[str]:
    if os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        return ["aws lambda update-function-configuration --function-name FUNCTION --role ROLE_ARN"]
    return ["aws sso login, or aws configure; or export AWS_PROFILE=NAME", "To sign in without IAM: export RDSPOOL_PASSWORD"]


def account_of(access_key: str) -> str | None:
    """Return the account that an access key carries: 40 bits behind its prefix, in base32; None for a key that is not of this form.

    AWS does not document it, so only the policy's text is made of it, where nothing better is known: sts:GetAccessKeyInfo says the same.
    """
    try:
        raw = base64.b32decode(access_key[4:])
    except ValueError:
        return None
    if len(raw) < 6 or len(access_key) != 20:
        return None
    number = (int.from_bytes(raw[:6], "big") & 0x7FFFFFFFFF80) >> 7
    return f"{number:012d}"
