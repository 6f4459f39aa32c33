"""Faults that tests set: an event (`Accept`, `SignIn`, `Command`), and what happens then (`Close`, `Error`, `LoseAnswer`, ...)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .. import fault_rules

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
_WHEN = (Accept, SignIn, Command)
_DO = (Close, Silence, Error, Delay, LoseAnswer, CutAnswer)


def when_from_json(value: dict[str, Any]) -> When:
    """Return the event of JSON values."""
    when: When = fault_rules.from_json(value, _WHEN)
    return when


def do_from_json(value: dict[str, Any]) -> Do:
    """Return the fault of JSON values."""
    do: Do = fault_rules.from_json(value, _DO)
    return do


def check(when: When, do: Do) -> None:
    """Raise ValueError when the fault can't be applied to the event, or the regular expression is invalid."""
    if isinstance(when, Command):
        try:
            re.compile(when.match)
        except re.error as problem:
            raise ValueError(f"Command(match={when.match!r}) is not a valid regular expression: {problem}") from None
    elif type(do) in (LoseAnswer, CutAnswer):
        raise ValueError(f"{type(do).__name__} applies to the answer to a Command, not to {type(when).__name__}")


class Faults(fault_rules.Rules[When, Do]):
    """The rules of a front, and the delay of every answer in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.delay = 0.0

    def add(self, when: When, do: Do, times: int | None, after: int) -> int:
        """Add a rule and return its id. Raise ValueError as `check` does."""
        check(when, do)
        return super().add(when, do, times, after)

    def remove(self, number: int | None = None) -> None:
        """Remove a rule, or (None) all rules and the delay."""
        super().remove(number)
        if number is None:
            self.delay = 0.0

    def at_accept(self) -> Do | None:
        return self.due(lambda when: isinstance(when, Accept))

    def at_sign_in(self, user: str) -> Do | None:
        return self.due(lambda when: isinstance(when, SignIn) and when.user in (None, user))

    def at_command(self, connection: int, name: str) -> Do | None:
        if not self:
            return None
        return self.due(
            lambda when: (
                isinstance(when, Command) and when.connection in (None, connection) and re.search(when.match, name, re.DOTALL) is not None
            )
        )
