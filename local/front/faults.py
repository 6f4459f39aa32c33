"""Faults that tests set: an event (`Accept`, `SignIn`, `Command`), and what happens then (`Close`, `Error`, `LoseAnswer`, ...)."""

from __future__ import annotations

import itertools
import re
import threading
from dataclasses import asdict, dataclass
from typing import Any

# The servers' SQLSTATEs and messages, for errors that are given by number only.
KNOWN = {
    1040: ("08004", "Too many connections"),
    1045: ("28000", "Access denied"),
    1053: ("08S01", "Server shutdown in progress"),
    1129: ("HY000", "Host is blocked because of many connection errors; unblock with 'mysqladmin flush-hosts'"),
    1152: ("08S01", "Aborted connection"),
    1158: ("08S01", "Got an error reading communication packets"),
    1159: ("08S01", "Got timeout reading communication packets"),
    1160: ("08S01", "Got an error writing communication packets"),
    1161: ("08S01", "Got timeout writing communication packets"),
    1203: ("42000", "User already has more than 'max_user_connections' active connections"),
    1205: ("HY000", "Lock wait timeout exceeded; try restarting transaction"),
    1213: ("40001", "Deadlock found when trying to get lock; try restarting transaction"),
    1290: ("HY000", "The MySQL server is running with the --read-only option so it cannot execute this statement"),
    1317: ("70100", "Query execution was interrupted"),
    1792: ("25006", "Cannot execute statement in a READ ONLY transaction."),
    1836: ("HY000", "Running in read-only mode"),
    1927: ("70100", "Connection was killed"),
    3159: ("HY000", "Connections using insecure transport are prohibited while --require_secure_transport=ON."),
    4031: (
        "HY000",
        (
            "The client was disconnected by the server because of inactivity. "
            "See wait_timeout and interactive_timeout for configuring this behavior."
        ),
    ),
}


@dataclass(frozen=True)
class Accept:
    """A client has connected. Nothing was sent yet."""


@dataclass(frozen=True)
class SignIn:
    """A client has sent its login, and an IAM user a valid token. The backend has not received it yet. `user`: only this user."""

    user: str | None = None


@dataclass(frozen=True)
class Command:
    """A client has sent a command whose name (such as "QUERY SELECT 1") contains a match of the regular expression.

    `connection`: only the connection with this id.
    """

    match: str = ""
    connection: int | None = None


@dataclass(frozen=True)
class Close:
    """Close the client's connection with a FIN or a RST. A command is not passed on."""

    reset: bool = False


@dataclass(frozen=True)
class Silence:
    """Read everything and send nothing any more, also no FIN, like a lost peer."""


@dataclass(frozen=True)
class Error:
    """Answer with an ERR packet instead of the backend. Then close if `close`; at Accept and SignIn always close, like a real server."""

    code: int
    sqlstate: str | None = None
    message: str | None = None
    close: bool = False

    def parts(self) -> tuple[int, str, str]:
        """Return number, SQLSTATE and message. The defaults are those of the servers."""
        sqlstate, message = KNOWN.get(self.code, ("HY000", f"Error {self.code}"))
        return self.code, self.sqlstate or sqlstate, self.message or message


@dataclass(frozen=True)
class Delay:
    """Delay the answer by `seconds`."""

    seconds: float


@dataclass(frozen=True)
class LoseAnswer:
    """Pass the command on, wait for the backend's answer, then close without sending it."""

    reset: bool = False


@dataclass(frozen=True)
class CutAnswer:
    """Pass the command on, send half of the answer's first bytes, then close."""

    reset: bool = False


When = Accept | SignIn | Command
Do = Close | Silence | Error | Delay | LoseAnswer | CutAnswer
_WHEN: dict[str, Any] = {kind.__name__: kind for kind in (Accept, SignIn, Command)}
_DO: dict[str, Any] = {kind.__name__: kind for kind in (Close, Silence, Error, Delay, LoseAnswer, CutAnswer)}


def to_json(part: When | Do) -> dict[str, Any]:
    """Return an event or a fault as JSON values."""
    return {"kind": type(part).__name__, **asdict(part)}


def when_from_json(value: dict[str, Any]) -> When:
    """Return the event of JSON values."""
    values = dict(value)
    when: When = _WHEN[values.pop("kind")](**values)
    return when


def do_from_json(value: dict[str, Any]) -> Do:
    """Return the fault of JSON values."""
    values = dict(value)
    do: Do = _DO[values.pop("kind")](**values)
    return do


@dataclass
class Rule:
    """A fault and the events that it applies to: it skips `after` matching events, then applies `times` times (None: always)."""

    id: int
    when: When
    do: Do
    times: int | None
    after: int
    hits: int = 0

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "when": to_json(self.when), "do": to_json(self.do)}


def check(when: When, do: Do) -> None:
    """Raise ValueError when the fault can't be applied to the event, or the regular expression is invalid."""
    if isinstance(when, Command):
        try:
            re.compile(when.match)
        except re.error as problem:
            raise ValueError(f"Command(match={when.match!r}) is not a valid regular expression: {problem}") from None
    elif type(do) in (LoseAnswer, CutAnswer):
        raise ValueError(f"{type(do).__name__} applies to the answer to a Command, not to {type(when).__name__}")


class Faults:
    """The rules of a front, and the delay of every answer in seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._rules: list[Rule] = []
        self.delay = 0.0

    def add(self, when: When, do: Do, times: int | None, after: int) -> int:
        """Add a rule and return its id. Raise ValueError as `check` does."""
        check(when, do)
        with self._lock:
            rule = Rule(next(self._numbers), when, do, times, after)
            self._rules = [*self._rules, rule]
            return rule.id

    def remove(self, number: int | None) -> None:
        """Remove a rule, or (None) all rules and the delay."""
        with self._lock:
            self._rules = [rule for rule in self._rules if number is not None and rule.id != number]
            if number is None:
                self.delay = 0.0

    def all(self) -> list[dict[str, Any]]:
        with self._lock:
            return [rule.to_json() for rule in self._rules]

    def at_accept(self) -> Do | None:
        return self._due(lambda when: isinstance(when, Accept))

    def at_sign_in(self, user: str) -> Do | None:
        return self._due(lambda when: isinstance(when, SignIn) and when.user in (None, user))

    def at_command(self, connection: int, name: str) -> Do | None:
        if not self._rules:
            return None
        return self._due(
            lambda when: (
                isinstance(when, Command) and when.connection in (None, connection) and re.search(when.match, name, re.DOTALL) is not None
            )
        )

    def _due(self, matches: Any) -> Do | None:
        with self._lock:
            for rule in self._rules:
                if rule.times == 0 or not matches(rule.when):
                    continue
                if rule.after:
                    rule.after -= 1
                    continue
                rule.hits += 1
                if rule.times is not None:
                    rule.times -= 1
                return rule.do
        return None
