"""What a failed connect means: the error of the driver or the server, with the object, the value and what to do.

All of these are the driver's OperationalError as well, which SQLAlchemy passes on as `sqlalchemy.exc.OperationalError` with the
error here as its `orig`.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import time
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs

from mysql.connector.errors import ConnectionTimeoutError, Error

from .._driver.error_numbers import (
    ACCESS_DENIED,
    ACCESS_DENIED_TO_DATABASE,
    CANNOT_CONNECT,
    CONNECTION_FAILED,
    PROXY_TIMED_OUT,
    SERVER_GONE,
    SERVER_LOST,
    TLS_FAILED,
    TOO_MANY,
    TOO_MANY_CONNECTIONS,
    UNKNOWN_DATABASE,
)
from .._driver.sign_in import NoGreetingError, NoTlsError, UnverifiedAnswerError
from .._driver.transport import NameTimeoutError
from .._settings.defaults import OF_A_FUNCTION
from ..deadlines import Limit
from ..errors import (
    CertificateError,
    ConnectError,
    ConnectTimeoutError,
    ProtocolError,
    ProxyTimeoutError,
    SignInError,
    StatementTimeoutError,
    TooManyConnectionsError,
    UnreachableError,
)
from ..secret import Secret
from ..settings import Settings
from .endpoints import is_rds, partition_of
from .token import TOKEN_LIFETIME, target_of

# OpenSSL's X509_V_ERR_* numbers (x509_vfy.h).
_EXPIRED: Final = 10
_NOT_YET_VALID: Final = 9
_WRONG_NAME: Final = frozenset({62, 64})
_NOT_STRICT: Final = range(80, 95)
"""What VERIFY_X509_STRICT finds: missing or wrong extensions."""

_TOO_MANY_ADVICE: Final = (
    "each environment of a function holds one, so bound the function's concurrency, put an RDS Proxy in between or raise the limit; "
    "performance_schema.session_connect_attrs tells who holds them (ATTR_NAME program_name and lambda_log_stream)"
)
_BEFORE_GREETING: Final = {
    TOO_MANY_CONNECTIONS: f"when it has as many connections as it may have: {_TOO_MANY_ADVICE}",
    1129: "when too many connects from this address have failed before: see max_connect_errors, and empty performance_schema.host_cache",
    1130: "when none of its users may come from this address: see the hosts of the users, and skip_name_resolve",
}
"""The errors that a MySQL server sends in place of its greeting, so before TLS is possible, and when it does."""


def explain(error: Error, settings: Settings, secret: Secret | None, limit: Limit) -> ConnectError:
    """Return `error`, met on connecting as `settings` say, as an error that tells what to do."""
    where = f"{settings.host}:{settings.port}"
    number = error.errno or -1
    cause = error.__cause__
    if number == TLS_FAILED and isinstance(cause, ssl.SSLCertVerificationError):
        return CertificateError(_certificate(cause, settings, where) + _of_ones_own(settings), errno=number)
    if isinstance(error, NoTlsError):
        return CertificateError(
            f"{where} offers no TLS, so nothing was sent to it: RDS always does, so something else may be answering there{_of_ones_own(settings)}",
            errno=number,
        )
    if number == TLS_FAILED and settings.development:
        return CertificateError(f"no connection to {where}: {error.msg}", errno=number)
    if number == TLS_FAILED:
        return CertificateError(
            f"no TLS connection to {where}: {error.msg}. rdspool needs TLS 1.2 or later: check that {settings.host!r} is the database's endpoint",
            errno=number,
        )
    if isinstance(error, NoGreetingError):
        return ConnectTimeoutError(
            f"{where} took the connection, but did not greet as MySQL does within {limit}: "
            "check that it is a MySQL endpoint and port; an overloaded database answers late too",
            errno=number,
        )
    if isinstance(error, UnverifiedAnswerError):
        return _unverified(error, where)
    if isinstance(cause, socket.gaierror):
        return UnreachableError(
            f"the host {settings.host!r} has no address ({cause or _said(error)}): check RDSPOOL_HOST for a typing error, "
            "and that the function's VPC resolves DNS",
            errno=number,
        )
    if isinstance(error, StatementTimeoutError):
        return ConnectTimeoutError(
            f"{where} stopped answering in the middle of the sign-in, for {limit}: the database may be overloaded, or failing over",
            errno=number,
        )
    if isinstance(error, NameTimeoutError):
        return ConnectTimeoutError(
            f"the host {settings.host!r} was looked up for {limit}, and no name server answered: check the VPC's DNS settings "
            "(enableDnsSupport, the DHCP options' domain-name-servers) and the network ACLs",
            errno=number,
        )
    if isinstance(error, ConnectionTimeoutError) or (isinstance(cause, OSError) and cause.errno == errno.ETIMEDOUT):
        return ConnectTimeoutError(
            f"{where} did not answer within {limit}: check that the function is in "
            "the database's VPC and that the database's security group lets the function's in",
            errno=number,
        )
    if number in (CANNOT_CONNECT, SERVER_GONE, SERVER_LOST, CONNECTION_FAILED):
        return UnreachableError(
            f"no connection to {where}: {error.msg}. Check RDSPOOL_HOST and RDSPOOL_PORT, and that the database runs", errno=number
        )
    if number == ACCESS_DENIED:
        return SignInError(f"{_said(error)} by {where}: {_refusal(settings, secret)}", errno=number, sqlstate=error.sqlstate)
    if number == ACCESS_DENIED_TO_DATABASE:
        return SignInError(
            f"{_said(error)} by {where}: the sign-in worked, but {settings.user!r} has no rights on the database {settings.database!r} "
            f"(RDSPOOL_DATABASE): GRANT ... ON `{settings.database}`.* TO '{settings.user}'@'%'",
            errno=number,
            sqlstate=error.sqlstate,
        )
    if number == UNKNOWN_DATABASE:
        return ConnectError(f"{where} has no database {settings.database!r}: check RDSPOOL_DATABASE", errno=number, sqlstate=error.sqlstate)
    if number in TOO_MANY:
        return TooManyConnectionsError(
            f"{where} takes no more connections ({_said(error)}): {_TOO_MANY_ADVICE}",
            errno=number,
            sqlstate=error.sqlstate,
        )
    if number == PROXY_TIMED_OUT:
        return ProxyTimeoutError(f"no connection through {where}: {_said(error)}", errno=number, sqlstate=error.sqlstate)
    if isinstance(error, ProtocolError):
        return UnreachableError(f"{where} does not speak as MySQL does: {_said(error)}. Check RDSPOOL_HOST and RDSPOOL_PORT", errno=number)
    return ConnectError(f"no connection to {where}: {_said(error)}", errno=number, sqlstate=error.sqlstate)


def _unverified(error: UnverifiedAnswerError, where: str) -> ConnectError:
    """Return the error for an answer before TLS: only its class says what it may mean, so that retries wait; nothing else hangs on it."""
    answered = f"{where} answered, unverified: error {error.number} ({error.text})"
    meaning = _BEFORE_GREETING.get(error.number)
    if error.number == TOO_MANY_CONNECTIONS:
        return TooManyConnectionsError(f"{answered}, which a MySQL server sends {meaning}", errno=error.number)
    if meaning:
        return UnreachableError(f"{answered}, which a MySQL server sends {meaning}", errno=error.errno)
    return UnreachableError(
        f"{answered}. It came before TLS, in place of the server's greeting, where a MySQL server does not refuse a sign-in, and nothing was "
        "sent: check RDSPOOL_HOST and RDSPOOL_PORT; something else may be answering there",
        errno=error.errno,
    )


def _said(error: Error) -> str:
    return str(error.msg).strip()


def _of_ones_own(settings: Settings) -> str:
    """Return what else to do where the server can be one of the user's own: such a one has made its certificate itself, or has none."""
    if is_rds(settings.own_name) or any(os.environ.get(name) for name in OF_A_FUNCTION):
        return ""
    password = " with RDSPOOL_PASSWORD" if settings.iam else ""
    return (
        f". To a database of your own, for development only, RDSPOOL_DEVELOPMENT=true{password} connects without verifying it (and without "
        "RDSPOOL_CA); better: `python -m local up`, in rdspool's repository, starts one that is verified"
    )


def _certificate(cause: ssl.SSLCertVerificationError, settings: Settings, where: str) -> str:
    roots = f"RDSPOOL_CA={settings.ca}" if settings.ca else f"the roots of RDS in {settings.region} or of RDS Proxy"
    if cause.verify_code in _WRONG_NAME:
        return (
            f"the certificate of {where} is for another name ({cause.verify_message}): if {settings.own_name!r} is an alias or an address of the "
            "endpoint, set RDSPOOL_ENDPOINT to the endpoint's own name, for which the certificate is; if not, correct RDSPOOL_HOST"
            if settings.endpoint is None
            else f"the certificate of {where} is not for {settings.own_name!r} ({cause.verify_message}), which RDSPOOL_ENDPOINT says is the name of "
            "the endpoint: correct it, or RDSPOOL_HOST, which leads elsewhere"
        )
    if cause.verify_code == _EXPIRED:
        return f"the certificate of {where} has expired: rotate the database's certificate, or check the clock here ({_clock()})"
    if cause.verify_code == _NOT_YET_VALID:
        return f"the certificate of {where} is not valid yet: check the clock here ({_clock()})"
    if cause.verify_code in _NOT_STRICT:
        return (
            f"the certificate of {where}, or that of its authority, does not keep to RFC 5280 ({cause.verify_message}), as RDS's do: something "
            f"else may be answering there; nothing was sent to it. For a server with authorities of its own, here {roots}, issue them anew"
        )
    return (
        f"the certificate of {where} is not signed by {roots} ({cause.verify_message}): something else may be answering there; "
        "nothing was sent to it. For a server with authorities of its own, set RDSPOOL_CA to their PEM file"
    )


def _refusal(settings: Settings, secret: Secret | None) -> str:
    token = secret.reveal() if secret is not None else ""
    if "X-Amz-Signature=" in token:
        wrong = _wrong_token(token, settings)
        if wrong:
            return wrong
    if settings.stored:
        place = f"the secret {settings.secret!r}" if settings.secret else f"the parameter {settings.password_parameter!r}"
        return (
            f"check that {place} has the password that {settings.user!r} has on the server, in its current version; while a secret is rotated, "
            "that of AWSPENDING is tried too"
        )
    if not settings.iam:
        return f"check RDSPOOL_USER ({settings.user!r}) and RDSPOOL_PASSWORD, or leave the password out to sign in with IAM"
    return (
        f"the server does not say why it refused the IAM token of {settings.user!r}. Check that the database user was made with "
        "IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'; that IAM authentication is on for this database; that the function's role allows "
        f"rds-db:connect on arn:{partition_of(settings.region or '')}:rds-db:{settings.region}:ACCOUNT:dbuser:RESOURCE-ID/{settings.user}; and that {settings.own_name!r} is the "
        f"endpoint's own name (of an alias, give it as RDSPOOL_ENDPOINT), port and region ({settings.region}), for all three are signed; the clock here says {_clock()}"
    )


def _wrong_token(token: str, settings: Settings) -> str | None:
    """Return what is wrong with a token that its own text tells: its end, its target, its user."""
    target, _, query = token.partition("/?")
    wanted = target_of(settings.own_name, settings.own_port)
    values = {name: found[0] for name, found in parse_qs(query).items()}
    try:
        signed = datetime.fromisoformat(values.get("X-Amz-Date", "")).timestamp()
        lifetime = int(values.get("X-Amz-Expires", TOKEN_LIFETIME))
    except ValueError:
        return "the IAM token given as the password is damaged: make a new one, or leave RDSPOOL_PASSWORD out and rdspool signs"
    age = time.time() - signed
    if age > lifetime:
        return f"the IAM token has expired: it was signed {age:.0f} s ago and lasts {lifetime} s; leave RDSPOOL_PASSWORD out and rdspool signs a fresh one"
    if age < -300:
        return f"the IAM token is from the future ({-age:.0f} s ahead): check the clock where it was signed"
    if target != wanted:
        return f"the IAM token was signed for {target}, not for {wanted}"
    if values.get("DBUser") != settings.user:
        return f"the IAM token was signed for the user {values.get('DBUser')!r}, not for {settings.user!r}"
    return None


def _clock() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
