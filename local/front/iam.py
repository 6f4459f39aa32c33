"""Check IAM tokens. The SigV4 computation does not share code with rdspool, so it finds errors in rdspool's signatures."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

LONGEST = 900
"""Maximum validity of a token in seconds (Amazon RDS: 15 minutes)."""
SKEW = 300
"""Maximum number of seconds that the clock of the signer may be ahead (AWS: five minutes)."""
ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """AWS credentials whose tokens the front accepts. The secrets are not in its repr."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class TokenCheck:
    """The check of tokens for one endpoint and one set of credentials."""

    credentials: Credentials
    region: str
    host: str
    port: int
    aliases: Sequence[str] = ()
    """Other names of the endpoint."""

    def refusal(self, token: str, user: str, now: float) -> str | None:
        """Return why the token is refused for `user` at `now` (seconds since the epoch), or None if it is valid.

        The reason does not contain the token.
        """
        address, slash, query = token.partition("/?")
        if "://" in address:
            return "malformed: it begins with a scheme"
        host, colon, port = address.rpartition(":")
        if not slash or not colon or not port.isdigit():
            return "malformed: it is not host:port/?query"
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
        except ValueError:
            return "malformed: its query cannot be parsed"
        values = dict(pairs)
        if len(values) != len(pairs):
            return "malformed: a parameter is repeated"
        needed = (
            "Action",
            "DBUser",
            "X-Amz-Algorithm",
            "X-Amz-Credential",
            "X-Amz-Date",
            "X-Amz-Expires",
            "X-Amz-SignedHeaders",
            "X-Amz-Signature",
        )
        if missing := [name for name in needed if name not in values]:
            return f"malformed: no {missing[0]}"
        return (
            self._wrong_target(host, int(port), values, user)
            or self._wrong_scope(values)
            or _wrong_time(values, now)
            or self._wrong_signature(address, pairs, values)
        )

    def _wrong_target(self, host: str, port: int, values: dict[str, str], user: str) -> str | None:
        if host not in (self.host, *self.aliases):
            return f"host: the token is for {host}, this is {self.host}"
        if port != self.port:
            return f"port: the token is for {port}, this is {self.port}"
        if values["DBUser"] != user:
            return f"user: the token is for {values['DBUser']}, the login is {user}"
        if values["Action"] != "connect":
            return f"action: {values['Action']}, not connect"
        return None

    def _wrong_scope(self, values: dict[str, str]) -> str | None:
        if values["X-Amz-Algorithm"] != ALGORITHM:
            return f"algorithm: {values['X-Amz-Algorithm']}, not {ALGORITHM}"
        if values["X-Amz-SignedHeaders"] != "host":
            return "malformed: the signed headers are not just host"
        scope = values["X-Amz-Credential"].split("/")
        if len(scope) != 5 or scope[4] != "aws4_request":
            return "malformed: X-Amz-Credential is not key/date/region/service/aws4_request"
        key, date, region, service, _ = scope
        if service != "rds-db":
            return f"service: {service}, not rds-db"
        if region != self.region:
            return f"region: the token is for {region}, this is {self.region}"
        if key != self.credentials.access_key:
            return f"access key: {key} is unknown"
        if date != values["X-Amz-Date"][:8]:
            return "malformed: the credential's date is not that of X-Amz-Date"
        given, known = values.get("X-Amz-Security-Token"), self.credentials.session_token
        if known is not None and given is None:
            return "session token: missing"
        if given != known:
            return "session token: not that of the credentials"
        return None

    def _wrong_signature(self, address: str, pairs: list[tuple[str, str]], values: dict[str, str]) -> str | None:
        encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs if name != "X-Amz-Signature")
        query = "&".join(f"{name}={value}" for name, value in encoded)
        request = "\n".join(("GET", "/", query, f"host:{address}", "", "host", hashlib.sha256(b"").hexdigest()))
        scope = values["X-Amz-Credential"].split("/")[1:]
        to_sign = "\n".join((ALGORITHM, values["X-Amz-Date"], "/".join(scope), hashlib.sha256(request.encode()).hexdigest()))
        key = b"AWS4" + self.credentials.secret_key.encode()
        for part in (*scope, to_sign):
            key = hmac.digest(key, part.encode(), "sha256")
        if not hmac.compare_digest(key.hex().encode(), values["X-Amz-Signature"].encode()):
            return "signature: it does not match"
        return None


def _wrong_time(values: dict[str, str], now: float) -> str | None:
    stamp, expires = values["X-Amz-Date"], values["X-Amz-Expires"]
    if not re.fullmatch(r"\d{8}T\d{6}Z", stamp):
        return "malformed: X-Amz-Date is not like 20260131T235959Z"
    try:
        signed = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return "malformed: X-Amz-Date is not a date"
    if not expires.isdecimal() or not 1 <= int(expires) <= LONGEST:
        return f"expires: X-Amz-Expires is {expires}, not 1 to {LONGEST}"
    age = now - signed
    if age < -SKEW:
        return f"future: signed {-age:.0f} s ahead"
    if age > int(expires):
        return f"expired: {age:.0f} s old"
    return None
