"""Requests to AWS, signed and sent with the standard library: the import of botocore costs a cold start some 200 ms of CPU.

Nothing imports this before it is used.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import os
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from .credentials import Credentials
from .endpoints import partition_of

_DOMAINS: Final = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu", "aws-iso": "c2s.ic.gov", "aws-iso-b": "sc2s.sgov.gov"}
"""The domain of each partition's endpoints; of the others it is amazonaws.com. As in botocore's partitions.json."""
_MOST: Final = 100_000
"""Bytes of an answer that are read. A secret has at most 65,536."""
CA_VARIABLES: Final = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
"""What can name a PEM file of the authorities that sign AWS's endpoints, in botocore's order: the first one that is set counts."""
_UNKNOWN_AUTHORITY: Final = (18, 19, 20, 21)
"""OpenSSL's numbers of a certificate that none of the authorities has signed (X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT and those after it)."""


class NoAnswerError(Exception):
    """No answer came: the text says from where, and why."""

    def __init__(self, text: str, *, unreachable: bool = False) -> None:
        """Take the text. `unreachable`: nothing is there, as in a VPC without a way to AWS."""
        super().__init__(text)
        self.unreachable = unreachable


class Answer(NamedTuple):
    """What a server of AWS has answered."""

    status: int
    date: str | None
    body: bytes


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would take the signature and the session token to another host."""

    def redirect_request(self, *_: object) -> None:
        """Return no request, so that the redirect is an HTTPError."""


class _Https(urllib.request.AbstractHTTPHandler):
    """Speaks TLS, and verifies certificate and name.

    urllib's own handler would load the system's authorities before each request in clear too, some 40 ms of CPU, and take whatever the process
    has put in the place of ssl's default context: some programs turn verification off there.
    """

    https_request = urllib.request.AbstractHTTPHandler.do_request_

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Return the answer. Raises URLError, and NoAnswerError for a file of authorities that can't be used."""
        variable, file = _bundle()
        try:
            context = ssl.create_default_context(cafile=file)
        except OSError as error:
            text = f"{variable} is {file!r}, which can't be read as a PEM file of certificates: {error}"
            raise NoAnswerError(f"{request.full_url} was not asked: {text}") from None
        if file is not None:
            # Private authorities often lack what RFC 5280 asks for, such as key identifiers. botocore accepts them.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return self.do_open(http.client.HTTPSConnection, request, context=context)


def _bundle() -> tuple[str, str] | tuple[None, None]:
    """Return the variable that names a file of authorities, and the file; None, None where the system's authorities count."""
    return next(((name, os.environ[name]) for name in CA_VARIABLES if os.environ.get(name)), (None, None))


def endpoint(service: str, region: str, variable: str) -> str:
    """Return the URL of a service: that of `variable` (such as AWS_ENDPOINT_URL_STS) or AWS_ENDPOINT_URL where the environment has it, as for the SDKs."""
    given = os.environ.get(variable) or os.environ.get("AWS_ENDPOINT_URL")
    if given:
        return given.rstrip("/") + "/"
    fips = "-fips" if os.environ.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true" else ""
    return f"https://{service}{fips}.{region}.{_DOMAINS.get(partition_of(region), 'amazonaws.com')}/"


def signed(
    url: str, service: str, region: str, headers: Mapping[str, str], body: bytes, credentials: Credentials, at: float
) -> urllib.request.Request:
    """Return a POST request, signed with AWS Signature Version 4. `at` is Unix time in seconds; the names of `headers` are in lower case."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    parts = urllib.parse.urlsplit(url)
    sent = {**headers, "host": parts.netloc, "x-amz-date": stamp}
    if credentials.session_token is not None:
        sent["x-amz-security-token"] = credentials.session_token.reveal()
    names = ";".join(sorted(sent))
    lines = ("POST", parts.path, "", *(f"{name}:{sent[name]}" for name in sorted(sent)), "", names, hashlib.sha256(body).hexdigest())
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256("\n".join(lines).encode()).hexdigest()))
    key = f"AWS4{credentials.secret_key.reveal()}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    sent["authorization"] = f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return urllib.request.Request(url, body, sent)  # noqa: S310 - AWS's endpoint, or the user's own


def post(url: str, service: str, region: str, headers: Mapping[str, str], body: bytes, credentials: Credentials, timeout: float) -> Answer:
    """Return the answer to a POST request that is signed now, whatever its status. `timeout` (seconds) bounds each wait of the socket.

    Raises NoAnswerError.
    """
    proxy = urllib.request.ProxyHandler()
    return _answered(url, lambda: signed(url, service, region, headers, body, credentials, time.time()), timeout, proxy)


def get(url: str, headers: Mapping[str, str], timeout: float) -> Answer:
    """Return the answer to a GET request on this machine, so not through a proxy, whatever its status.

    Raises NoAnswerError.
    """
    proxy = urllib.request.ProxyHandler({})
    return _answered(url, lambda: urllib.request.Request(url, headers=dict(headers)), timeout, proxy)  # noqa: S310


def _answered(url: str, request: Callable[[], urllib.request.Request], timeout: float, proxy: urllib.request.ProxyHandler) -> Answer:
    try:
        return _sent(url, request(), timeout, proxy)
    except OSError as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            failure = NoAnswerError(_unverified(url, reason))
        else:
            failure = NoAnswerError(f"{url} does not answer ({reason})", unreachable=True)
    except http.client.HTTPException as error:
        failure = NoAnswerError(f"what {url} answers can't be read as HTTP ({type(error).__name__})")
    except ValueError:
        failure = NoAnswerError(f"{url} is no URL of https or http")
    # Not within the except blocks: some of those errors hold what was read before, which can be a part of a secret.
    raise failure


def _sent(url: str, request: urllib.request.Request, timeout: float, proxy: urllib.request.ProxyHandler) -> Answer:
    opener = urllib.request.OpenerDirector()
    errors = urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPErrorProcessor()
    for handler in (proxy, urllib.request.HTTPHandler(), _Https(), _NoRedirect(), *errors):
        opener.add_handler(handler)
    if request.type not in ("http", "https"):
        raise ValueError(request.type)
    try:
        answer = opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        body = answer.read(_MOST)
        length = answer.headers.get("Content-Length", "")
        if length.isdecimal() and len(body) < min(int(length), _MOST):
            raise NoAnswerError(f"the answer of {url} broke off")
        return Answer(answer.status, answer.headers.get("Date"), body)


def _unverified(url: str, error: ssl.SSLCertVerificationError) -> str:
    variable, file = _bundle()
    authorities = f"the authorities of {variable} ({file!r})" if variable else "the system's authorities"
    text = f"the certificate of {url} was not verified with {authorities}: {error.verify_message}"
    if error.verify_code not in _UNKNOWN_AUTHORITY:
        return text
    do = f"add its certificate to {file!r}" if variable else f"set {CA_VARIABLES[0]} to a PEM file with its certificate"
    return f"{text}. If an authority of your own has signed it, as for a proxy that inspects TLS, {do}"
