"""A small lexer of SQL, written from the MySQL Reference Manual ("Language Structure") and not from rdspool: what a server would read.

It knows what matters to a client that puts literals into statements: strings, quoted names, comments, hexadecimal literals with and
without an introducer, numbers and words. Everything else is one character.
"""

from __future__ import annotations

from typing import NamedTuple


class Mode(NamedTuple):
    """How a server reads quotes."""

    sql_mode: str
    backslash_escapes: bool
    double_quotes_are_names: bool


MODES = [
    Mode("STRICT_TRANS_TABLES", backslash_escapes=True, double_quotes_are_names=False),
    Mode("ANSI_QUOTES,STRICT_TRANS_TABLES", backslash_escapes=True, double_quotes_are_names=True),
    Mode("STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES", backslash_escapes=False, double_quotes_are_names=False),
    Mode("ANSI_QUOTES,NO_BACKSLASH_ESCAPES", backslash_escapes=False, double_quotes_are_names=True),
]

BLANKS = b" \t\n\v\f\r"
WORD = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$") | frozenset(range(0x80, 0x100))
DIGITS = frozenset(b"0123456789")
ESCAPES = {ord("0"): b"\0", ord("b"): b"\b", ord("n"): b"\n", ord("r"): b"\r", ord("t"): b"\t", ord("Z"): b"\x1a"}


class Token(NamedTuple):
    """One token and where it stands. `value` is a string's or hexadecimal literal's bytes."""

    kind: str
    begin: int
    end: int
    value: bytes


class Unreadable(Exception):
    """A server would refuse the statement here."""


def tokens(sql: bytes, mode: Mode) -> list[Token]:
    """Return the tokens of a statement, comments among them. Raises Unreadable for a quote or a comment without its end."""
    found = []
    at = 0
    while at < len(sql):
        if sql[at] in BLANKS:
            at += 1
            continue
        token = _token(sql, at, mode)
        found.append(token)
        at = token.end
    return found


def _token(sql: bytes, at: int, mode: Mode) -> Token:
    first = sql[at : at + 1]
    if first in (b"'", b'"'):
        names = first == b'"' and mode.double_quotes_are_names
        value, end = _quoted(sql, at, escapes=mode.backslash_escapes and not names)
        return Token("name" if names else "string", at, end, value)
    if first == b"`":
        value, end = _quoted(sql, at, escapes=False)
        return Token("name", at, end, value)
    # "The -- comment style requires the second dash to be followed by at least one whitespace or control character."
    if first == b"#" or (sql.startswith(b"--", at) and (at + 2 == len(sql) or sql[at + 2] <= 0x20 or sql[at + 2] == 0x7F)):
        line_end = sql.find(b"\n", at)
        return Token("comment", at, len(sql) if line_end < 0 else line_end, b"")
    if sql.startswith(b"/*", at):
        close = sql.find(b"*/", at + 2)
        if close < 0:
            raise Unreadable("a comment without its end")
        return Token("comment", at, close + 2, b"")
    if first in (b"x", b"X") and sql[at + 1 : at + 2] == b"'":
        close = sql.find(b"'", at + 2)
        digits = sql[at + 2 : close]
        if close < 0 or len(digits) % 2 or not all(digit in b"0123456789abcdefABCDEF" for digit in digits):
            raise Unreadable("no hexadecimal literal")
        return Token("hex", at, close + 1, bytes.fromhex(digits.decode()))
    if first in (b"n", b"N") and sql[at + 1 : at + 2] == b"'":
        value, end = _quoted(sql, at + 1, escapes=mode.backslash_escapes)
        return Token("string", at, end, value)
    if sql[at] in DIGITS or (first == b"." and sql[at + 1 : at + 2].isdigit()):
        return _number(sql, at)
    if sql[at] in WORD:
        end = at
        while end < len(sql) and sql[end] in WORD:
            end += 1
        return _introduced(sql, at, end, mode) or Token("word", at, end, sql[at:end])
    return Token("character", at, at + 1, first)


def _quoted(sql: bytes, begin: int, *, escapes: bool) -> tuple[bytes, int]:
    quote = sql[begin]
    value = bytearray()
    at = begin + 1
    while at < len(sql):
        byte = sql[at]
        if byte == quote:
            if sql[at + 1 : at + 2] != bytes((quote,)):
                return bytes(value), at + 1
            value.append(quote)
            at += 2
        elif byte == 0x5C and escapes:
            if at + 1 == len(sql):
                break
            following = sql[at + 1]
            # "\\% and \\_ ... evaluate to the strings \\% and \\_"; any other backslash is ignored.
            value += sql[at : at + 2] if following in b"%_" else ESCAPES.get(following, bytes((following,)))
            at += 2
        else:
            value.append(byte)
            at += 1
    raise Unreadable("a quote without its end")


def _number(sql: bytes, begin: int) -> Token:
    at = begin
    while at < len(sql) and sql[at] in DIGITS:
        at += 1
    if sql[at : at + 1] == b".":
        at += 1
        while at < len(sql) and sql[at] in DIGITS:
            at += 1
    if sql[at : at + 1] in (b"e", b"E"):
        exponent = at + 1 + (sql[at + 1 : at + 2] in (b"+", b"-"))
        if sql[exponent : exponent + 1].isdigit():
            at = exponent
            while at < len(sql) and sql[at] in DIGITS:
                at += 1
    if at < len(sql) and sql[at] in WORD:
        while at < len(sql) and sql[at] in WORD:
            at += 1
        return Token("word", begin, at, sql[begin:at])
    return Token("number", begin, at, sql[begin:at])


def _introduced(sql: bytes, begin: int, end: int, mode: Mode) -> Token | None:
    """Return a literal with its character set's introducer, as in `_utf8mb4 x'41'`."""
    if sql[begin:end] not in (b"_utf8mb4", b"_binary"):
        return None
    at = end
    while at < len(sql) and sql[at] in BLANKS:
        at += 1
    if at == len(sql):
        return None
    literal = _token(sql, at, mode)
    if literal.kind not in ("string", "hex"):
        return None
    return Token("binary" if sql[begin:end] == b"_binary" else "string", begin, literal.end, literal.value)
