"""The question to STS whose credentials these are (GetCallerIdentity): signed and sent with the standard library.

It needs no permission. A thread asks it, beside the steps on the network, so that it costs no time.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from email.utils import parsedate_to_datetime
from typing import Final

from .._aws.credentials import Credentials
from .._aws.endpoints import partition_of
from ..deadlines import Limit
from ..errors import printable

LONGEST: Final = 3.0
"""Seconds that STS may take for an answer. It takes some 50 ms; where nothing leads to it, nothing comes."""
_BODY: Final = "Action=GetCallerIdentity&Version=2011-06-15"
_DOMAINS: Final = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu", "aws-iso": "c2s.ic.gov", "aws-iso-b": "sc2s.sgov.gov"}
"""The domain of each partition's endpoints; of the others it is amazonaws.com. As in botocore's partitions.json."""
_MOST: Final = 100_000
"""Bytes of an answer that are read."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would take the signature and the session token to another host."""

    def redirect_request(self, *_: object) -> None:
        """Return no request, so that the redirect is an HTTPError."""


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirect)


class Question:
    """The question to STS, asked in a thread from the begin on."""

    def __init__(self, credentials: Credentials, region: str, limit: Limit) -> None:
        """Ask with these credentials at the region's endpoint, or at that of AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL, as the SDKs do."""
        self.endpoint = endpoint(region)
        self.status: int | None = None
        self.text = ""
        self.failure = "no answer came in time"
        self.ahead: float | None = None
        """Seconds by which the clock here is ahead of that of STS."""
        self._credentials, self._region = credentials, region
        self._until = time.monotonic() + min(LONGEST, max(0.1, limit.left()))
        self._thread = threading.Thread(target=self._ask, name="rdspool-sts", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait for the answer, until its time is over."""
        self._thread.join(max(0.0, self._until - time.monotonic()))

    def _ask(self) -> None:
        request = signed(self.endpoint, self._region, self._credentials, time.time())
        began = time.time()
        try:
            with _opener().open(request, timeout=max(0.1, self._until - time.monotonic())) as answer:
                self._take(answer.status, answer.headers.get("Date"), answer.read(_MOST), began)
        except urllib.error.HTTPError as error:
            self._take(error.code, error.headers.get("Date"), error.read(_MOST), began)
        except OSError as error:
            self.failure = printable(str(getattr(error, "reason", error)))
        except ValueError:
            self.failure = "its URL can't be read"

    def _take(self, status: int, date: str | None, body: bytes, began: float) -> None:
        if date:
            try:
                # An HTTP date has whole seconds, so it is half a second late in the mean.
                self.ahead = (began + time.time()) / 2 - parsedate_to_datetime(date).timestamp() - 0.5
            except ValueError:
                pass
        self.text = body.decode("utf-8", "replace")
        self.status = status  # the last: it says that the rest is there

    def element(self, name: str) -> str | None:
        """Return the text of an element of the answer."""
        found = re.search(rf"<{name}>([^<]*)</{name}>", self.text)
        return None if found is None else printable(found[1])


def endpoint(region: str) -> str:
    """Return the URL of STS."""
    given = os.environ.get("AWS_ENDPOINT_URL_STS") or os.environ.get("AWS_ENDPOINT_URL")
    return given.rstrip("/") + "/" if given else f"https://sts.{region}.{_DOMAINS.get(partition_of(region), 'amazonaws.com')}/"


def signed(url: str, region: str, credentials: Credentials, at: float) -> urllib.request.Request:
    """Return the request, signed with AWS Signature Version 4. `at` is Unix time in seconds."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "host": urllib.parse.urlsplit(url).netloc,
        "x-amz-date": stamp,
    }
    if credentials.session_token is not None:
        headers["x-amz-security-token"] = credentials.session_token.reveal()
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        (
            "POST",
            urllib.parse.urlsplit(url).path,
            "",
            *(f"{name}:{headers[name]}" for name in sorted(headers)),
            "",
            names,
            hashlib.sha256(_BODY.encode()).hexdigest(),
        )
    )
    scope = f"{stamp[:8]}/{region}/sts/aws4_request"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{credentials.secret_key.reveal()}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return urllib.request.Request(url, _BODY.encode(), headers)  # noqa: S310 - the user's own endpoint
