"""AWS credentials to sign with: from the environment as in Lambda, through botocore everywhere else."""

from __future__ import annotations

import os
import time
from typing import Any, Final, NamedTuple

from .._bounded_calls import in_time
from .._driver.error_numbers import TIMED_OUT
from ..deadlines import Limit
from ..errors import ConnectTimeoutError, CredentialsError
from ..secret import Secret

UNKNOWN_LIFETIME: Final = float("inf")
"""What the environment's credentials say of their end: nothing. Lambda keeps them valid for the environment's life."""


TEMPORARY: Final = "ASIA"
"""How the access keys of roles begin, which are of no use without their session token (IAM User Guide, "IAM identifiers")."""


class Credentials(NamedTuple):
    """An access key, its secret and, for a role, its session token."""

    access_key: str
    secret_key: Secret
    session_token: Secret | None = None
    expires: float = UNKNOWN_LIFETIME
    """Unix time in seconds; infinity where it is not known."""

    def __repr__(self) -> str:
        return f"Credentials(access_key={self.access_key!r}, expires={self.expires})"


def find_credentials(limit: Limit | None = None) -> Credentials:
    """Return the credentials that the AWS SDKs would use here.

    The environment's variables come first, as in botocore's own chain, and need no import of it: that import costs some
    200 ms of CPU. Profiles, SSO, web identity and containers (SnapStart among them) go through botocore, which asks other hosts with
    time-outs of its own: `limit` ends the wait for it.

    Raises CredentialsError, and ConnectTimeoutError at the limit.
    """
    access_key, secret_key = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if access_key and secret_key:
        # In botocore's order (EnvProvider.TOKENS): with both set, the SDKs and rdspool must sign as one and the same role.
        token = os.environ.get("AWS_SECURITY_TOKEN") or os.environ.get("AWS_SESSION_TOKEN")
        return Credentials(access_key, Secret(secret_key), Secret(token) if token else None)
    if limit is None:
        return _asked_botocore()
    found = in_time(_asked_botocore, limit)
    if found is None:
        raise ConnectTimeoutError(
            f"botocore looked for AWS credentials for {limit}, and none came: what it asks (AWS_CONTAINER_CREDENTIALS_FULL_URI, STS, SSO, the "
            "instance's metadata) does not answer, or its first import takes that long here: a longer limit would show it",
            errno=TIMED_OUT,
        )
    return found


def _asked_botocore() -> Credentials:
    return _from_botocore(_botocore_credentials())


_resolved: tuple[int, Any] | None = None
"""The process that asked botocore, and its credentials object, which refreshes itself and is worth keeping."""


def source() -> str:
    """Return where the credentials of the last `find_credentials()` came from: the environment, or botocore's name of the way it took."""
    if os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY"):
        return "environment"
    return "nowhere" if _resolved is None else f"botocore: {_resolved[1].method}"


def forget() -> None:
    """Forget the credentials object of botocore: after a fork, or in an environment that was restored from a snapshot."""
    global _resolved
    _resolved = None


def _botocore_credentials() -> Any:
    global _resolved
    if _resolved is not None and _resolved[0] == os.getpid():
        return _resolved[1]
    try:
        import botocore.session
    except ImportError:
        raise CredentialsError(
            "no AWS credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, and botocore, which would look for a "
            "profile, SSO or a container's role, is not installed: set the variables, or pip install botocore, or sign in with a password"
        ) from None
    try:
        found = botocore.session.get_session().get_credentials()
    except Exception as error:
        raise CredentialsError(f"botocore could not load the AWS credentials: {error}") from error
    if found is None:
        raise CredentialsError(
            "no AWS credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor a profile, SSO sign-in or role was found: "
            "in Lambda give the function a role; elsewhere run `aws configure` or `aws sso login`, or set AWS_PROFILE"
        )
    _resolved = (os.getpid(), found)
    return found


def _from_botocore(found: Any) -> Credentials:
    try:
        frozen = found.get_frozen_credentials()
    except Exception as error:
        raise CredentialsError(f"botocore could not refresh the AWS credentials of {found.method!r}: {error}") from error
    # botocore has no public accessor for the end of refreshable credentials; without it a token could outlive them unnoticed.
    expiry = getattr(found, "_expiry_time", None)
    expires = expiry.timestamp() if expiry is not None else UNKNOWN_LIFETIME
    if expires <= time.time():
        raise CredentialsError(f"the AWS credentials of {found.method!r} ended and were not renewed: sign in again")
    return Credentials(frozen.access_key, Secret(frozen.secret_key), Secret(frozen.token) if frozen.token else None, expires)
