"""What a statement does to a session behind RDS Proxy: nothing, a change that the proxy tracks, or one that pins the client.

Source: AWS's user guide, "Avoiding pinning an RDS Proxy". Like RDS Proxy, it reads the statement only: what a procedure, a function or a
trigger does is not seen. What AWS does not describe (several statements in one command, an expression as the value of a tracked variable)
pins, because the proxy can't know the resulting state.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field

LONGEST = 16 * 1024
"""Bytes of a statement. A longer one pins."""

TRACKED = frozenset(
    {
        "AUTOCOMMIT",
        "AUTO_INCREMENT_INCREMENT",
        "CHARACTER_SET_CLIENT",
        "CHARACTER_SET_CONNECTION",
        "CHARACTER_SET_DATABASE",
        "CHARACTER_SET_FILESYSTEM",
        "CHARACTER_SET_RESULTS",
        "CHARACTER_SET_SERVER",
        "COLLATION_CONNECTION",
        "COLLATION_DATABASE",
        "COLLATION_SERVER",
        "INTERACTIVE_TIMEOUT",
        "NET_WRITE_TIMEOUT",
        "SESSION_TRACK_SCHEMA",
        "SQL_MODE",
        "TIME_ZONE",
        "TRANSACTION_ISOLATION",
        "TRANSACTION_READ_ONLY",
        "WAIT_TIMEOUT",
    }
)
_ALIASES = {"TX_ISOLATION": "TRANSACTION_ISOLATION", "TX_READ_ONLY": "TRANSACTION_READ_ONLY"}
_NEXT_TRANSACTION = ("TRANSACTION_ISOLATION", "TRANSACTION_READ_ONLY")
# NAMES and CHARACTER SET replace these.
_CHARSETS = ("NAMES", "CHARACTER SET", "CHARACTER_SET_CLIENT", "CHARACTER_SET_CONNECTION", "CHARACTER_SET_RESULTS", "COLLATION_CONNECTION")

_TOKEN = re.compile(
    r"""(?P<skipped>\s+|/\*(?!!).*?\*/|--(?=\s|$)[^\n]*|\#[^\n]*)
    |'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`]|``)*`
    |@@?[\w.$]+ | -?\d[\w.]* | [\w$.]+ | := | .""",
    re.DOTALL | re.VERBOSE,
)
_LITERAL = re.compile(r"""'.*'|".*"|-?\d[\w.]*|\w+""", re.DOTALL)
_SYSTEM_VARIABLE = re.compile(r"@@(?:(SESSION|LOCAL|GLOBAL|PERSIST|PERSIST_ONLY)\.)?(\w+)", re.IGNORECASE)
_FIRST_WORDS = {
    "PREPARE": "prepared statement",
    "EXECUTE": "prepared statement",
    "DEALLOCATE": "prepared statement",
    "LOCK": "LOCK TABLES",
    "HANDLER": "HANDLER",
}


@dataclass
class State:
    """What the proxy tracks of a session."""

    variables: dict[str, str] = field(default_factory=dict)
    """By name, the assignments in a SET statement that produce the values. The order is that in which they must be set."""
    database: str | None = None

    def copy(self) -> State:
        return State(dict(self.variables), self.database)

    def change(self, effect: Effect) -> None:
        """Apply the effect of a statement that has succeeded."""
        for name, assignment in effect.assignments.items():
            for replaced in _CHARSETS if name in ("NAMES", "CHARACTER SET") else (name,):
                self.variables.pop(replaced, None)
            self.variables[name] = assignment
        if effect.database is not None:
            self.database = effect.database
        if effect.dropped is not None and effect.dropped == self.database:
            self.database = None


@dataclass(frozen=True)
class Effect:
    """What a statement does to the session: `pin` is the reason to pin, or None."""

    pin: str | None = None
    assignments: dict[str, str] = field(default_factory=dict)
    database: str | None = None
    dropped: str | None = None


class _Untracked(Exception):
    """The statement changes something that the proxy does not track."""


def effect(statement: str) -> Effect:
    """Return the effect of a statement."""
    tokens = [found[0] for found in _TOKEN.finditer(statement) if not found["skipped"]]
    while tokens and tokens[-1] == ";":
        del tokens[-1]
    words = [token.upper() for token in tokens]
    if not words:
        return Effect()
    if ";" in words:
        return Effect("several statements")
    if any(word[0] == "@" and word[:2] != "@@" and len(word) > 1 for word in words):
        return Effect("user variable")
    if words[0] in _FIRST_WORDS:
        return Effect(_FIRST_WORDS[words[0]])
    if words[0] == "FLUSH" and words[-3:] == ["WITH", "READ", "LOCK"]:
        return Effect("LOCK TABLES")
    if words[0] == "CREATE" and "TEMPORARY" in words[1:4]:
        return Effect("temporary table")
    if any(pair == ("GET_LOCK", "(") for pair in itertools.pairwise(words)):
        return Effect("GET_LOCK")
    if words[0] == "USE" and len(words) == 2:
        return Effect(database=_identifier(tokens[1]))
    if words[0] == "DROP" and words[1:2] in (["DATABASE"], ["SCHEMA"]):
        return Effect(dropped=_identifier(tokens[-1]))
    if words[0] == "SET":
        try:
            return Effect(assignments=_assignments(tokens[1:]))
        except _Untracked as untracked:
            return Effect(f"SET {untracked}")
    return Effect()


def _identifier(token: str) -> str:
    return token[1:-1].replace("``", "`") if token.startswith("`") else token


def _assignments(tokens: list[str]) -> dict[str, str]:
    words = [token.upper() for token in tokens]
    if words[:2] in (["SESSION", "TRANSACTION"], ["LOCAL", "TRANSACTION"]):
        return _characteristics(" ".join(words[2:]))
    found: dict[str, str] = {}
    for comma, one in itertools.groupby(tokens, ",".__eq__):
        if not comma:
            name, assignment = _assignment(list(one))
            found[name] = assignment
    return found


def _characteristics(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in text.split(" , "):
        if one.startswith("ISOLATION LEVEL "):
            level = one.removeprefix("ISOLATION LEVEL ").replace(" ", "-")
            found["TRANSACTION_ISOLATION"] = f"@@session.transaction_isolation = '{level}'"
        elif one in ("READ ONLY", "READ WRITE"):
            found["TRANSACTION_READ_ONLY"] = f"@@session.transaction_read_only = {int(one == 'READ ONLY')}"
        else:
            raise _Untracked(f"SESSION TRANSACTION {one}")
    return found


def _assignment(tokens: list[str]) -> tuple[str, str]:
    words = [token.upper() for token in tokens]
    match words:
        case ["NAMES", _] | ["NAMES", _, "COLLATE", _]:
            return "NAMES", " ".join(tokens)
        case ["CHARACTER", "SET", _] | ["CHARSET", _] | ["CHAR", "SET", _]:
            return "CHARACTER SET", f"CHARACTER SET {tokens[-1]}"
    scope = ""
    if words and words[0] in ("SESSION", "LOCAL", "GLOBAL", "PERSIST", "PERSIST_ONLY"):
        scope, tokens = words[0], tokens[1:]
    if len(tokens) < 3 or tokens[1] not in ("=", ":="):
        raise _Untracked(" ".join(tokens))
    system = _SYSTEM_VARIABLE.fullmatch(tokens[0])
    if system is not None:
        scope = (system[1] or "").upper()
    variable = (system[2] if system is not None else tokens[0]).upper()
    name = _ALIASES.get(variable, variable)
    if scope not in ("", "SESSION", "LOCAL"):
        raise _Untracked(f"{scope} {name}")
    if system is not None and not scope and name in _NEXT_TRANSACTION:
        raise _Untracked(f"{name} for the next transaction")
    if name not in TRACKED:
        raise _Untracked(name)
    if len(tokens) != 3 or not _LITERAL.fullmatch(tokens[2]):
        raise _Untracked(f"{name} to an expression")
    return name, f"@@session.{variable.lower()} = {tokens[2]}"
