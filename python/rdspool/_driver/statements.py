"""Statements as the developer wrote them, taken apart at their placeholders before any value is in.

A placeholder is `%s`, or `%(name)s` for a name that has a value. What stands in quotes or in a comment is the statement's own text and
stays as it is: `LIKE '%(draft)%'`, `DATE_FORMAT(day, '%H:%i:%s')`, `-- 100%sure`. A value put there could end the quotes or the
comment and become SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mysql.connector.errors import ProgrammingError

from . import compiled, effects, literals
from .kept import Kept
from .regions import ANSI_QUOTES, ANY_NAMED, NO_ESCAPES, USUAL, Reading, reading_of, regions
from .result_sets import ResultSet

_POSITIONAL: Final = re.compile(rb"%s(?![0-9A-Za-z_$\x80-\xff])")
_NAMED: Final = re.compile(rb"%\(([^()]+)\)s")
_MOST: Final = 500
_LONGEST: Final = 20_000
"""Characters; longer statements are built for a number of rows and seldom come again."""


class Template:
    """A statement cut at its placeholders, and what is known of its result."""

    __slots__ = ("_distinct", "effects", "names", "number", "pieces", "plain", "quoted", "result_set")

    def __init__(self, pieces: list[bytes], names: list[str] | None, plain: bool, can: int, quoted: frozenset[str] = frozenset()) -> None:
        """Take the pieces, of which there is one more than there are values, and what the statement can do: flags of `effects`."""
        self.pieces = pieces
        self.names = names
        """The name of each placeholder, None where they are `%s`."""
        self._distinct = frozenset(names or ())
        self.number = len(self._distinct)
        """How many values are given by name."""
        self.plain = plain
        """Whether the statement has no comment, and no quotes but those of identifiers."""
        self.effects = can
        """What the statement can do beside its rows: flags of `effects`."""
        self.quoted = quoted
        """Names that stand like a placeholder in quotes or a comment, and nowhere in the code."""
        self.result_set: ResultSet | None = None
        """The columns of its result when it was last executed."""

    def filled(self, params: Any) -> bytes:
        """Return the statement with the literals of its values in it. Raises ProgrammingError."""
        if compiled.in_c is not None and type(params) is dict and self.names is not None:
            found: bytes | None = compiled.in_c.fill(self.pieces, self.names, params, self.number, literals.literal)
            if found is not None:
                return found
        return filled(self.pieces, self.values(params))

    def values(self, params: Any) -> Sequence[Any]:
        """Return the placeholders' values in order: a sequence as it is, a mapping's by name. Raises ProgrammingError."""
        if self.names is None:
            if (type(params) is not tuple and not isinstance(params, (list, tuple))) or len(params) != len(self.pieces) - 1:
                raise ProgrammingError(
                    f"the statement takes {len(self.pieces) - 1} values in a list or a tuple; one row of parameters has not"
                )
            return params
        if type(params) is dict and params.keys() == self._distinct:  # nearly always: each name once, and no other
            return [params[name] for name in self.names]
        if type(params) is not dict and not isinstance(params, Mapping):
            raise ProgrammingError(f"the statement takes its values by name, from a dict, not from {type(params).__name__}")
        for name in params:
            if not isinstance(name, str):
                raise ProgrammingError(f"the name of a parameter is a str, not {type(name).__name__} ({name!r})")
        if self.quoted and not self.quoted.isdisjoint(params):
            name = min(self.quoted.intersection(params))
            raise ProgrammingError(
                f"the placeholder %({name})s stands in quotes or a comment, where it is text and its value is not used: leave the quotes out"
            )
        try:
            return [params[name] for name in self.names]
        except KeyError as error:
            raise ProgrammingError(
                f"the statement has the placeholder %({error.args[0]})s, which has no value; values were given for: {_listed(params)}, "
                "each to be written %(name)s"
            ) from None


def filled(pieces: list[bytes], values: Sequence[Any]) -> bytes:
    """Return the pieces with the literals of the values between them. Raises ProgrammingError."""
    parts = [b""] * (2 * len(pieces) - 1)
    parts[::2] = pieces
    parts[1::2] = map(literals.literal, values)
    return b"".join(parts)


class _Statement:
    """What is known of one statement's text."""

    __slots__ = ("ambiguous", "sets_mode", "templates", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        # Only a backslash before a quote lets the readings differ.
        self.ambiguous = (b"\\'" in text or b'\\"' in text) and any(
            len({tuple(regions(text, r, named=named)) for r in (USUAL, ANSI_QUOTES, NO_ESCAPES)}) > 1 for named in (False, True)
        )
        # Of several statements in one, a later one is read in the mode that an earlier one has set.
        self.sets_mode = self.ambiguous and b";" in text and b"sql_mode" in text.lower()
        self.templates: dict[Any, Template] = {}


_statements: Final[Kept[str | bytes, _Statement]] = Kept(_MOST, _LONGEST)
_named: Final[Kept[str | bytes, Template]] = Kept(_MOST, _LONGEST)
"""Those whose values are given by name, and that read the same in every sql_mode: SQLAlchemy's."""
_whole: Final[Kept[str | bytes, Template]] = Kept(_MOST, _LONGEST)


def whole(operation: Any) -> Template:
    """Return the template of a statement without values, which is sent as it is: one piece. Raises ProgrammingError for what is no text."""
    if type(operation) is not str and type(operation) is not bytes:
        operation = encoded(operation)
    known = _whole.get(operation)
    if known is None:
        text = encoded(operation)
        known = _whole.keep(operation, Template([text], None, False, effects.of(text)))
    return known


def template(operation: Any, params: Any, sql_mode: Callable[[], str]) -> Template:
    """Return the template of a statement for these parameters: a list or tuple for `%s`, a mapping for `%(name)s`.

    `sql_mode` is asked only where the statement's own quotes read differently under different modes (a backslash before a quote).

    Raises ProgrammingError where placeholders and values do not fit together.
    """
    if type(params) is dict and type(operation) is str:
        known = _named.get(operation)
        if known is not None:
            return known
    elif type(operation) is not str and type(operation) is not bytes:
        operation = encoded(operation)
    statement = _statements.get(operation)
    if statement is None:
        statement = _statements.keep(operation, _Statement(encoded(operation)))
    named = type(params) is dict or (type(params) is not tuple and isinstance(params, Mapping))
    if not named and not isinstance(params, (list, tuple)):
        raise ProgrammingError(f"parameters are a list, a tuple or a dict, not {type(params).__name__}")
    key: Any = -1 if named else len(params)
    reading = USUAL
    if statement.sets_mode:
        raise ProgrammingError(
            "the statement has a backslash before a quote, and several statements, with sql_mode among them, which decides what the backslash "
            "means: set sql_mode in a statement of its own, before"
        )
    if statement.ambiguous:
        reading = reading_of(sql_mode())
        key = (key, reading)
    known = statement.templates.get(key)
    if known is None:
        known = _named_template(statement.text, reading) if named else _positional_template(statement.text, reading, len(params))
        if named and known.names == [] and b"%s" in b"".join(code for is_code, code in regions(statement.text, reading) if is_code):
            raise ProgrammingError(
                f"the statement has %s placeholders, but its values were given by name ({_listed(params)}): give them as a tuple, "
                "or write %(name)s in the statement"
            )
        statement.templates[key] = known
        if named and not statement.ambiguous:
            _named.keep(operation, known)
    return known


def encoded(operation: Any) -> bytes:
    """Return a statement's text as UTF-8. Raises ProgrammingError for what is no text."""
    if isinstance(operation, str):
        try:
            return operation.encode()
        except UnicodeEncodeError as error:
            raise ProgrammingError(f"the statement can't be sent as UTF-8: {error}") from None
    if isinstance(operation, (bytes, bytearray)):
        return bytes(operation)
    raise ProgrammingError(f"a statement is a str or bytes, not {type(operation).__name__}")


def _positional_template(text: bytes, reading: Reading, count: int) -> Template:
    parts = list(regions(text, reading))
    plain = _is_plain(parts)
    pieces = _cut(parts, lambda code: code.split(b"%s"))
    if len(pieces) != count + 1:
        # `id %size = %s` has one placeholder and a modulo: without those that a word goes on from, the number may fit.
        pieces = _cut(parts, _POSITIONAL.split)
    if len(pieces) != count + 1:
        wanted = len(pieces) - 1
        what = "Not enough parameters for the SQL statement" if wanted > count else "Not all parameters were used in the SQL statement"
        raise ProgrammingError(f"{what}: it has {wanted} placeholders (%s), {count} values were given{_hint(text, wanted)}")
    return Template(pieces, None, plain, effects.of(text))


def _named_template(text: bytes, reading: Reading) -> Template:
    names: list[str] = []

    def cut(code: bytes) -> list[bytes]:
        parts = _NAMED.split(code)
        names.extend(name.decode("utf-8", "surrogateescape") for name in parts[1::2])
        return parts[::2]

    parts = list(regions(text, reading, named=True))
    pieces = _cut(parts, cut)
    quoted = {name.decode("utf-8", "surrogateescape") for code, part in parts if not code for name in _NAMED.findall(part)}
    return Template(pieces, names, _is_plain(parts), effects.of(text), frozenset(quoted.difference(names)))


def _listed(params: Mapping[Any, Any]) -> str:
    return ", ".join(str(name).encode("ascii", "backslashreplace").decode() for name in params) or "no name"


def _hint(text: bytes, wanted: int) -> str:
    if ANY_NAMED.search(text):
        return "; %(name)s takes its value from a dict"
    if text.count(b"%s") > wanted:
        return "; a %s within quotes or a comment is text: quotes around a placeholder are left out"
    return ""


def _is_plain(parts: list[tuple[bool, bytes]]) -> bool:
    return all(code or text.startswith(b"`") for code, text in parts)


def _cut(parts: list[tuple[bool, bytes]], split: Callable[[bytes], list[bytes]]) -> list[bytes]:
    """Return the statement cut where `split` cuts its code."""
    if len(parts) == 1:
        return split(parts[0][1])
    pieces: list[bytes] = []
    open_parts: list[bytes] = []
    for is_code, text in parts:
        if not is_code:
            open_parts.append(text)
            continue
        first, *others = split(text)
        open_parts.append(first)
        for part in others:
            pieces.append(b"".join(open_parts))
            open_parts = [part]
    pieces.append(b"".join(open_parts))
    return pieces
