"""A statement's text cut into code and what is not code: quoted texts, quoted names and comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, NoReturn

from mysql.connector.errors import ProgrammingError

# What is not code begins with one of these. `--` begins a comment only before a blank or a control character.
_OPENER: Final = re.compile(rb"['\"`#\[]|--(?=[\x00-\x20\x7f]|\Z)|/\*")
_TO_LINE_END: Final = re.compile(rb"[^\n]*")
_COMMENT: Final = re.compile(rb"/\*.*?\*/", re.DOTALL)
_VERSION_COMMENT: Final = re.compile(rb"/\*M?!(?>[^*/]|\*(?!/)|/(?!\*)|/\*.*?\*/)*+\*/", re.DOTALL)
"""A comment with code for some servers, as in /*!80000 ... */, which may hold ordinary comments."""

ANY_NAMED: Final = re.compile(rb"%\([^()]+\)s")
_OPENER_OR_NAMED: Final = re.compile(ANY_NAMED.pattern + rb"|" + _OPENER.pattern)
"""A name can hold what opens a text elsewhere: SQLAlchemy makes %(Order_#)s of the column "Order #", %(owner's)s of "owner's"."""


class Reading(NamedTuple):
    """In which quotes a backslash escapes the next character. sql_mode decides it."""

    single: bool
    double: bool


USUAL: Final = Reading(single=True, double=True)
ANSI_QUOTES: Final = Reading(single=True, double=False)
NO_ESCAPES: Final = Reading(single=False, double=False)

_QUOTED: Final = {
    (b"'", True): re.compile(rb"'[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL),
    (b"'", False): re.compile(rb"'[^']*'"),
    (b'"', True): re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL),
    (b'"', False): re.compile(rb'"[^"]*"'),
    (b"`", False): re.compile(rb"`[^`]*`"),
    # A name under MariaDB's sql_mode MSSQL, where ]] is a bracket within it; elsewhere SQL has no bracket.
    (b"[", False): re.compile(rb"\[(?>[^\]]|\]\])*+\]"),
}
"""A doubled quote needs no rule of its own: it ends one text and begins the next, with no code between."""


def reading_of(sql_mode: str) -> Reading:
    """Return how a server with this sql_mode reads quotes."""
    modes = sql_mode.upper().split(",")
    if "NO_BACKSLASH_ESCAPES" in modes:
        return NO_ESCAPES
    return ANSI_QUOTES if "ANSI_QUOTES" in modes else USUAL


def regions(statement: bytes, reading: Reading, *, named: bool = False) -> Iterator[tuple[bool, bytes]]:
    """Return the statement's regions in order, each with whether it is code; with `named`, placeholders with a name are code as a whole."""
    code = at = 0
    search = (_OPENER_OR_NAMED if named else _OPENER).search
    while (opener := search(statement, at)) is not None:
        begin, mark = opener.start(), opener[0]
        if mark.startswith(b"%"):
            at = opener.end()
            continue
        yield True, statement[code:begin]
        if mark in (b"'", b'"', b"`", b"["):
            escapes = {b"'": reading.single, b'"': reading.double}.get(mark, False)
            found = _QUOTED[mark, escapes].match(statement, begin)
        elif mark == b"/*":
            if not statement.startswith((b"/*!", b"/*M!"), begin):
                found = _COMMENT.match(statement, begin)
            elif (found := _VERSION_COMMENT.match(statement, begin)) is not None:
                _check_end(found[0], reading)
        else:
            found = _TO_LINE_END.match(statement, begin)
        code = at = found.end() if found is not None else len(statement)  # what is not closed goes to the end
        yield False, statement[begin:at]
    yield True, statement[code:]


def _check_end(comment: bytes, reading: Reading) -> None:
    """Raise ProgrammingError for a comment with code that another server ends at another place: code there would be text here.

    A server that runs the code reads `'*/'` in it as a text, one that does not run it ends the comment there.
    """
    inner = comment[comment.index(b"!") + 1 : -2]
    if b"/*!" in inner or b"/*M!" in inner:  # the first */ ends both, or the inner one, as the server's version may be
        _disagree()
    codes = [code for is_code, code in regions(inner + b" */", reading) if is_code]
    ends_here = codes[-1].endswith(b" */") and sum(code.count(b"*/") for code in codes) == 1
    if not ends_here or (comment.startswith(b"/*M") and b"*/" in inner):
        _disagree()


def _disagree() -> NoReturn:
    raise ProgrammingError(
        "servers do not agree where a comment with code (/*! ... */) in the statement ends, so its placeholders are not certain: leave "
        "quotes and comments out of it that hold, or hide, a */"
    )
