"""The environment variables that Lambda sets for a function."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .errors import LambdaEnvironmentError

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html: a function's configuration can't set these.
RESERVED = {
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
}
FUNCTION_NAME = "function"  # fixed in the URL of the emulator


class Role(Protocol):
    """The credentials of the function. local.front's Credentials have these attributes too."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def session_token(self) -> str | None: ...


@dataclass(frozen=True)
class Credentials:
    """The credentials of the function's role: temporary, with a session token."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(repr=False)

    @classmethod
    def random(cls) -> Credentials:
        """Return random credentials in AWS's format."""
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
        key = "ASIA" + "".join(secrets.choice(letters) for _ in range(16))
        # 750 bytes give the 1,000 characters that a role's session token has in Lambda.
        return cls(key, secrets.token_urlsafe(30), secrets.token_urlsafe(750))


def variables(
    *,
    handler: str,
    minor: str,
    region: str,
    memory: int,
    timeout: int,
    initialization: str,
    credentials: Role,
    configured: Mapping[str, str],
) -> dict[str, str]:
    """Return all environment variables of the function. Raise LambdaEnvironmentError for a name that Lambda reserves."""
    if taken := sorted(RESERVED & configured.keys()):
        raise LambdaEnvironmentError(f"variables: Lambda reserves {', '.join(taken)}; leave it out, or use region= and credentials=")
    lambdas = {
        # The function's configuration can override these.
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        **configured,
        "_HANDLER": handler,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.session_token or "",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{minor}",
        "AWS_LAMBDA_FUNCTION_NAME": FUNCTION_NAME,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),  # for the emulator; bootstrap.py removes it
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization,
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{FUNCTION_NAME}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"[$LATEST]{secrets.token_hex(16)}",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
    }
    return {name: str(value) for name, value in lambdas.items()}
