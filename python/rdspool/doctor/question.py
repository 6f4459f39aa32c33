"""The question to STS whose credentials these are (GetCallerIdentity): signed and sent with the standard library.

It needs no permission. A thread asks it, beside the steps on the network, so that it costs no time.
"""

from __future__ import annotations

import re
import threading
import time
from email.utils import parsedate_to_datetime
from typing import Final

from .._aws import requests
from .._aws.credentials import Credentials
from ..deadlines import Limit
from ..errors import printable

LONGEST: Final = 3.0
"""Seconds that STS may take for an answer. It takes some 50 ms; where nothing leads to it, nothing comes."""
_HEADERS: Final = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
_BODY: Final = b"Action=GetCallerIdentity&Version=2011-06-15"


class Question:
    """The question to STS, asked in a thread from the begin on."""

    def __init__(self, credentials: Credentials, region: str, limit: Limit) -> None:
        """Ask with these credentials at the region's endpoint, or at that of AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL, as the SDKs do."""
        self.endpoint = endpoint(region)
        self.status: int | None = None
        self.text = ""
        self.failure = f"{self.endpoint} does not answer (no answer came in time)"
        self.unreachable = True
        """Whether nothing is known to be wrong where no answer came, but that nothing leads there."""
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
        began = time.time()
        left = max(0.1, self._until - time.monotonic())
        try:
            answer = requests.post(self.endpoint, "sts", self._region, _HEADERS, _BODY, self._credentials, left)
        except requests.NoAnswerError as error:
            self.failure, self.unreachable = str(error), error.unreachable
        else:
            self._take(answer.status, answer.date, answer.body, began)

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
