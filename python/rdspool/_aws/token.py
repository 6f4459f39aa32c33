"""The IAM token: signed with the standard library, kept while it is good for another connection.

A token is a presigned URL without its scheme (Amazon RDS User Guide, "Connecting to your DB instance using IAM
authentication"; AWS Signature Version 4 with the signature in the query string).
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Callable
from typing import Final

from .._driver.error_numbers import TIMED_OUT
from ..deadlines import Limit
from ..errors import ConnectTimeoutError
from ..secret import EmptiedFrames, Secret
from .credentials import Credentials, find_credentials

TOKEN_LIFETIME: Final = 15 * 60
"""Seconds: fixed by RDS."""
RENEWAL_MARGIN: Final = 2 * 60
"""Seconds before a token's end at which a new one is signed: covers clocks that differ and a freeze between signing and sign-in."""

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
"""RFC 3986, section 2.3."""
_EMPTY_BODY: Final = hashlib.sha256(b"").hexdigest()


def sign(host: str, port: int, user: str, region: str, credentials: Credentials, at: float | None = None) -> Secret:
    """Return the token that signs `user` in at `host`:`port` for 15 minutes from `at` (Unix time in seconds; None: now).

    The text equals that of botocore's `generate_db_auth_token` for the same instant.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() if at is None else at))
    date = stamp[:8]
    scope = f"{date}/{region}/rds-db/aws4_request"
    query = {
        "Action": "connect",
        "DBUser": user,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(TOKEN_LIFETIME),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.session_token is not None:
        query["X-Amz-Security-Token"] = credentials.session_token.reveal()
    pairs = [f"{name}={quoted(value)}" for name, value in query.items()]
    target = target_of(host, port)
    # A signed host header leaves https's own port out.
    header = target.removesuffix(":443")
    request = "\n".join(("GET", "/", "&".join(sorted(pairs)), f"host:{header}\n", "host", _EMPTY_BODY))
    to_sign = "\n".join((_ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{credentials.secret_key.reveal()}".encode()
    for part in (date, region, "rds-db", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return Secret(f"{target}/?{'&'.join(pairs)}&X-Amz-Signature={signature}")


def quoted(text: str) -> str:
    """Return a text as a query has it: `urllib.parse.quote(text, safe="")`, whose import costs a cold start 2 ms."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())


def target_of(host: str, port: int) -> str:
    """Return the host and port that a token begins with: an IPv6 address stands in brackets, as in any URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


watchers: Final[list[Callable[[], object]]] = []
"""Called with each token that is signed for a connection."""


class TokenSource:
    """Signs tokens for one user at one endpoint and reuses each until it nears its end, or that of its credentials.

    AWS throttles new IAM connections at about 200 a second, those that reuse a token less: so one token serves every
    connection of the process while it lasts. Thread-safe; nothing is kept when signing fails.
    """

    def __init__(
        self, host: str, port: int, user: str, region: str, credentials: Callable[[Limit | None], Credentials] = find_credentials
    ) -> None:
        self._target = (host, port, user, region)
        self._credentials = credentials
        self._lock = threading.Lock()
        self._token: Secret | None = None
        self._signed_for = Credentials("", Secret(""))
        self._renew_at = 0.0
        self.proven = False
        """Whether a token of this source has signed in."""

    def get(self, limit: Limit | None = None) -> tuple[Secret, bool]:
        """Return a token that lasts another two minutes at least, and whether it had served before.

        Raises what finding the credentials raises, and ConnectTimeoutError where another thread does that at the limit still.
        """
        if not self._lock.acquire(timeout=-1 if limit is None else max(0.0, limit.left())):
            raise ConnectTimeoutError(f"another thread has looked for AWS credentials for {limit}, and found none", errno=TIMED_OUT)
        try:
            return self._current(limit)
        finally:
            self._lock.release()

    def _current(self, limit: Limit | None) -> tuple[Secret, bool]:
        # Whoever finds the credentials, and the signing, have them in plain texts.
        with EmptiedFrames():
            credentials = self._credentials(limit)
            # By the wall clock: over a freeze of the environment the monotonic one can stand still, a token's age does not.
            now = time.time()
            if self._token is not None and now < self._renew_at and credentials == self._signed_for:
                return self._token, True
            token = sign(*self._target, credentials, now)
            for watcher in watchers:
                watcher()
            self._token, self._signed_for = token, credentials
            self._renew_at = min(now + TOKEN_LIFETIME, credentials.expires) - RENEWAL_MARGIN
            return token, False

    def forget(self, token: Secret) -> None:
        """Drop `token`, which the server refused, unless another thread has already signed a new one."""
        with self._lock:
            if self._token is token:
                self._token = None

    def __repr__(self) -> str:
        host, port, user, region = self._target
        return f"<TokenSource {user}@{host}:{port} in {region}>"
