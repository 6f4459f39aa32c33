"""The question to STS whose credentials these are (GetCallerIdentity): signed and sent with the standard library.

It needs no permission. A thread asks it, beside the steps on the network, so that it costs no time.
"""

from __future__ import annotations

import re
import threading
import time
import urllib.request
from email.utils import parsedate_to_datetime
from typing import Final

from .._aws import requests
from .._aws.credentials import Credentials
from ..deadlines import Limit
from ..errors import printable

LONGEST: Final = 3.0
"""Seconds that STS may take for an answer. It takes some 50 ms; where nothing leads to it, nothing comes."""
_BODY: Final = b"Action=GetCallerIdentity&Version=2011-06-15"


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
            answer = requests.send(request, max(0.1, self._until - time.monotonic()))
            self._take(answer.status, answer.date, answer.body, began)
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
    return requests.endpoint("sts", region, "AWS_ENDPOINT_URL_STS")


def signed(url: str, region: str, credentials: Credentials, at: float) -> urllib.request.Request:
    """Return the request, signed. `at` is Unix time in seconds."""
    return requests.signed(url, "sts", region, {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}, _BODY, credentials, at)
