"""Requests to AWS, signed and sent with the standard library: the import of botocore costs a cold start some 200 ms of CPU.

Nothing imports this before it is used.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Final, NamedTuple

from .credentials import Credentials
from .endpoints import partition_of

_DOMAINS: Final = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu", "aws-iso": "c2s.ic.gov", "aws-iso-b": "sc2s.sgov.gov"}
"""The domain of each partition's endpoints; of the others it is amazonaws.com. As in botocore's partitions.json."""
_MOST: Final = 100_000
"""Bytes of an answer that are read. A secret has at most 65,536."""


class Answer(NamedTuple):
    """What a server of AWS has answered."""

    status: int
    date: str | None
    body: bytes


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would take the signature and the session token to another host."""

    def redirect_request(self, *_: object) -> None:
        """Return no request, so that the redirect is an HTTPError."""


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


def send(request: urllib.request.Request, timeout: float, *, directly: bool = False) -> Answer:
    """Return the answer, whatever its status. `timeout` (seconds) bounds each wait of the socket; `directly`: not through a proxy.

    Raises OSError where no answer comes, ValueError for a URL that can't be read.
    """
    opener = urllib.request.build_opener(_NoRedirect, *([urllib.request.ProxyHandler({})] if directly else []))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return Answer(answer.status, answer.headers.get("Date"), answer.read(_MOST))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers.get("Date"), error.read(_MOST))
