"""Python values as SQL literals that read the same under every sql_mode.

A backslash in a quoted literal is an escape, or just a backslash under NO_BACKSLASH_ESCAPES, and the client can't know which: a
procedure, a function or a trigger can set sql_mode, and the server's status does not tell of it. So no literal depends on it:

- quotes are doubled, which every mode reads as one quote;
- a text with a backslash is written in hexadecimal with the introducer `_utf8mb4`: a literal of the same character set, collation
  strength and type as a quoted one, so indexes are used and JSON is taken as with that;
- a text whose every backslash stands before % or _ (a LIKE pattern) stays quoted: every mode reads `\\%` and `\\_` as the two
  characters that they are (MySQL Reference Manual, "String Literals"), and statements such as SHOW TABLES LIKE take a quoted
  literal only;
- bytes are written in hexadecimal with the introducer `_binary`: they are a binary string in every context, and no character set
  of the connection changes them.
"""

from __future__ import annotations

import datetime
import math
import re
import time
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from mysql.connector.errors import ProgrammingError

_PATTERN: Final = re.compile(rb"[^\\]*(?:\\[%_][^\\]*)*")
"""A text that has no backslash but before % and _."""

HEXADECIMAL: Final = b"_utf8mb4 x'"
"""How the literal of a text begins that has a backslash."""

_EXACT_DIGITS: Final = 81
"""Digits that a DECIMAL literal can have on MySQL and MariaDB; beyond it the server reads a literal as DOUBLE anyway."""


def text(value: str) -> bytes:
    """Return a text as a literal. Raises ProgrammingError for one that can't be UTF-8."""
    try:
        encoded = value.encode()
    except UnicodeEncodeError as error:
        raise ProgrammingError(f"a parameter can't be sent as UTF-8: {error}") from None
    if b"\\" in encoded and not _PATTERN.fullmatch(encoded):
        return b"%b%b'" % (HEXADECIMAL, encoded.hex().encode())
    if b"'" in encoded:
        encoded = encoded.replace(b"'", b"''")
    return b"'%b'" % encoded


def binary(value: bytes | bytearray | memoryview) -> bytes:
    """Return bytes as a literal."""
    return b"_binary x'%b'" % value.hex().encode()


def _derived_binary(value: bytes | bytearray) -> bytes:
    return binary(memoryview(value))  # not by a hex() of its own: that of hexbytes.HexBytes begins with 0x


def _str(value: str) -> bytes:
    return text(str.__str__(value))


def _boolean(value: bool) -> bytes:
    return b"1" if value else b"0"


def _integer(value: int) -> bytes:
    try:
        return b"%d" % value
    except ValueError as error:  # more digits than Python writes
        raise ProgrammingError(f"a parameter can't be sent: {error}") from None


def _float(value: float) -> bytes:
    if math.isfinite(value):
        text = float.__repr__(value)
        # Without an exponent the servers take it for a DECIMAL, which they divide to four digits more than it has: 1.0 / 3 = 0.33333.
        return (text if "e" in text else f"{text}e0").encode()
    if math.isnan(value):
        return b"NULL"  # as the connector does; pandas writes what is missing as NaN
    raise ProgrammingError(f"a parameter is {value}: the servers have no infinity; send None, or a number")


def _decimal(value: Decimal) -> bytes:
    if not Decimal.is_finite(value):
        raise ProgrammingError(f"a parameter is Decimal('{value}'): the servers have no such number; send None, or a number")
    exponent = Decimal.as_tuple(value).exponent
    if isinstance(exponent, int) and abs(exponent) <= _EXACT_DIGITS:
        # Without an exponent: with one, as in 1E+3, the server would read a DOUBLE, which rounds.
        return Decimal.__format__(value, "f").encode()
    return Decimal.__str__(value).encode()


def _datetime(value: datetime.datetime) -> bytes:
    if value != value:
        return b"NULL"
    # A time zone is left out, as every MySQL driver does: DATETIME has none.
    return b"'%b'" % datetime.datetime.isoformat(value.replace(tzinfo=None), " ").encode()


def _date(value: datetime.date) -> bytes:
    return b"'%b'" % datetime.date.isoformat(value).encode()


def _time(value: datetime.time) -> bytes:
    return b"'%b'" % datetime.time.isoformat(value.replace(tzinfo=None)).encode()


def _timedelta(value: datetime.timedelta) -> bytes:
    microseconds = (value.days * 86400 + value.seconds) * 1_000_000 + value.microseconds
    seconds, fraction = divmod(abs(microseconds), 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    shown = f"{'-' if microseconds < 0 else ''}{hour:02d}:{minute:02d}:{second:02d}"
    return f"'{shown}.{fraction:06d}'".encode() if fraction else f"'{shown}'".encode()


def _struct_time(value: time.struct_time) -> bytes:
    time.strftime("", value)  # checks the fields; its %Y writes the year 99 without zeros, which a server reads as 1999
    return b"'%04d-%02d-%02d %02d:%02d:%02d'" % value[:6]


def _null(_: None) -> bytes:
    return b"NULL"


def _uuid(value: UUID) -> bytes:
    return b"'%b'" % UUID.__str__(value).encode()


_BY_TYPE: Final[dict[type, Callable[[Any], bytes]]] = {
    str: text,
    int: _integer,
    type(None): _null,
    bool: _boolean,
    float: _float,
    bytes: binary,
    bytearray: binary,
    memoryview: binary,
    Decimal: _decimal,
    datetime.datetime: _datetime,
    datetime.date: _date,
    datetime.time: _time,
    datetime.timedelta: _timedelta,
    time.struct_time: _struct_time,
    UUID: _uuid,
}

# Each writes a derived type's value by the methods of its base: what a class's own __str__ returns would go into the statement as SQL.
_BASES: Final[tuple[tuple[type, Callable[[Any], bytes]], ...]] = (
    (str, _str),
    (bool, _boolean),
    (int, _integer),
    (float, _float),
    (bytes, _derived_binary),
    (bytearray, _derived_binary),
    (Decimal, _decimal),
    (datetime.datetime, _datetime),  # before date, which it is too
    (datetime.date, _date),
    (datetime.time, _time),
    (datetime.timedelta, _timedelta),
    (UUID, _uuid),
)


def literal(value: Any) -> bytes:
    """Return a value as a literal.

    Takes None, bool, int, float, Decimal, str, bytes, bytearray, memoryview, array.array, date, datetime, time, timedelta,
    struct_time, UUID, what is derived from them, Enum members of these values, and NumPy's scalars.

    Raises ProgrammingError for any other type, and for values that the servers do not have.
    """
    write = _BY_TYPE.get(type(value))
    try:
        return write(value) if write is not None else _other(value)
    except (TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ProgrammingError(f"a parameter of the type {type(value).__name__} can't be sent: {error}") from error


def _other(value: Any) -> bytes:
    """Return the literal of a value whose type is derived from a known one, or belongs to a library that is not imported here."""
    if isinstance(value, Enum):
        return literal(value.value)
    for base, write in _BASES:
        if isinstance(value, base):
            return write(value)
    library = type(value).__module__.partition(".")[0]
    if library == "numpy" and hasattr(value, "item") and getattr(value, "shape", None) == ():
        if type(value).__name__ in ("datetime64", "timedelta64"):
            value = value.astype(f"{type(value).__name__}[us]")  # item() of a finer unit is an int
        item = value.item()
        if type(item) is not type(value):  # numpy.longdouble is its own item
            return literal(item)
    if library == "array":
        return binary(memoryview(value).cast("B"))
    kind = type(value).__name__
    advice = ": give one placeholder to each value, or use SQLAlchemy's bindparam(..., expanding=True)"
    raise ProgrammingError(
        f"a parameter of the type {kind} can't be sent{advice if isinstance(value, (list, tuple, set, frozenset)) else ': convert it first'}"
    )
