"""Faults that tests set: which calls (`Call`), and what happens to them (`Refuse`, `Silence`, `Close`, `LoseAnswer`, `Delay`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import fault_rules


@dataclass(frozen=True)
class Call:
    """Calls of a service ("lambda"), operation ("PublishLayerVersion"), region and account. None matches any."""

    service: str | None = None
    operation: str | None = None
    region: str | None = None
    account: str | None = None

    def matches(self, *, service: str, operation: str, region: str, account: str) -> bool:
        pairs = ((self.service, service), (self.operation, operation), (self.region, region), (self.account, account))
        return all(wanted in (None, given) for wanted, given in pairs)


@dataclass(frozen=True)
class Refuse:
    """Answer with an error of AWS. The call is not executed."""

    status: int
    code: str
    message: str


@dataclass(frozen=True)
class Silence:
    """Accept the call but never answer it."""


@dataclass(frozen=True)
class Close:
    """Close the connection without an answer. The call is not executed."""


@dataclass(frozen=True)
class LoseAnswer:
    """Execute the call, then close the connection without an answer."""


@dataclass(frozen=True)
class Delay:
    """Execute the call, then answer after `seconds`."""

    seconds: float


Do = Refuse | Silence | Close | LoseAnswer | Delay
_KINDS = (Refuse, Silence, Close, LoseAnswer, Delay)


def throttled() -> Refuse:
    """Return Lambda's answer to too many calls."""
    return Refuse(429, "TooManyRequestsException", "Rate exceeded")


def disabled() -> Refuse:
    """Return the answer of a region that the account has not enabled."""
    return Refuse(403, "UnrecognizedClientException", "The security token included in the request is invalid.")


def from_json(value: dict[str, Any]) -> Do:
    """Return the fault of JSON values."""
    do: Do = fault_rules.from_json(value, _KINDS)
    return do


class Rules(fault_rules.Rules[Call, Do]):
    """The rules of the AWS API."""

    def take(self, **call: str) -> Do | None:
        """Return the fault for this call, or None, and count the call."""
        return self.due(lambda when: when.matches(**call))
