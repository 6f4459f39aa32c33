"""Faults on order: rules of a moment (`Accept`, `SignIn`, `Command`) and of what happens then (`Close`, `Error`, `LoseAnswer`, ...)."""

from __future__ import annotations

import itertools
import re
import threading
from dataclasses import asdict, dataclass
from typing import Any

# Texts and SQLSTATEs as the servers send them, for numbers that come without.
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
    """A client has connected; nothing was sent yet."""


@dataclass(frozen=True)
class SignIn:
    """A client has sent its login (and, as an IAM user, a good token); the backend was not asked yet. `user`: only that one's."""

    user: str | None = None


@dataclass(frozen=True)
class Command:
    """A client has sent a command in whose name (such as "QUERY SELECT 1") the regular expression is found.

    `connection`: only the connection with that id.
    """

    match: str = ""
    connection: int | None = None


@dataclass(frozen=True)
class Close:
    """Close the client's connection, with a FIN or a RST; a command is not passed on."""

    reset: bool = False


@dataclass(frozen=True)
class Silence:
    """Say nothing any more and swallow what comes, with no FIN: a peer that was lost."""


@dataclass(frozen=True)
class Error:
    """Answer with an ERR packet in place of the backend; then close if `close`, and always at Accept and SignIn, as a real server does."""

    code: int
    sqlstate: str | None = None
    message: str | None = None
    close: bool = False

    def parts(self) -> tuple[int, str, str]:
        """Number, SQLSTATE and message: the server's own where they were left out."""
        sqlstate, message = KNOWN.get(self.code, ("HY000", f"Error {self.code}"))
        return self.code, self.sqlstate or sqlstate, self.message or message


@dataclass(frozen=True)
class Delay:
    """Hold the answer for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class LoseAnswer:
    """Pass the command on, wait for the backend's answer, then close without sending any of it."""

    reset: bool = False


@dataclass(frozen=True)
class CutAnswer:
    """Pass the command on and close in the middle of the answer's first bytes."""

    reset: bool = False


When = Accept | SignIn | Command
Do = Close | Silence | Error | Delay | LoseAnswer | CutAnswer
_WHEN: dict[str, Any] = {kind.__name__: kind for kind in (Accept, SignIn, Command)}
_DO: dict[str, Any] = {kind.__name__: kind for kind in (Close, Silence, Error, Delay, LoseAnswer, CutAnswer)}


def to_json(part: When | Do) -> dict[str, Any]:
    """A rule's half as JSON's values."""
    return {"kind": type(part).__name__, **asdict(part)}


def when_from_json(value: dict[str, Any]) -> When:
    values = dict(value)
    when: When = _WHEN[values.pop("kind")](**values)
    return when


def do_from_json(value: dict[str, Any]) -> Do:
    values = dict(value)
    do: Do = _DO[values.pop("kind")](**values)
    return do


@dataclass
class Rule:
    """A fault that waits for its moment: `after` moments pass first, then it happens `times` times (None: always)."""

    id: int
    when: When
    do: Do
    times: int | None
    after: int
    hits: int = 0

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "when": to_json(self.when), "do": to_json(self.do)}


def check(when: When, do: Do) -> None:
    """ValueError for a fault that its moment cannot have, or for a broken regular expression."""
    if isinstance(when, Command):
        try:
            re.compile(when.match)
        except re.error as problem:
            raise ValueError(f"Command(match={when.match!r}) is no regular expression: {problem}") from None
    elif type(do) in (LoseAnswer, CutAnswer):
        raise ValueError(f"{type(do).__name__} is a fault of a Command's answer, not of {type(when).__name__}")


class Faults:
    """The rules of a front, and the seconds by which it delays every answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._rules: list[Rule] = []
        self.delay = 0.0

    def add(self, when: When, do: Do, times: int | None, after: int) -> int:
        """The new rule's id."""
        check(when, do)
        with self._lock:
            rule = Rule(next(self._numbers), when, do, times, after)
            self._rules = [*self._rules, rule]
            return rule.id

    def remove(self, number: int | None) -> None:
        """Remove a rule, or all of them and the delay."""
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
