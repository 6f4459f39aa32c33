"""The rows of a text result, as Python values.

Each type gives what mysql-connector-python gives for it: BIT an int, SET a set, TIME a timedelta, a date that Python can't hold
(0000-00-00) None, VECTOR an array of floats.

The layer has a second decoder for rows, _compiled_rows.c, which gives the same values. It leaves each row that it can't read to this one, which
then gives the value or the error. Where it was not built, or RDSPOOL_ROWS is "python", this one reads all rows.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

from mysql.connector.constants import FieldFlag, FieldType

from ..errors import ProtocolError
from . import compiled
from .columns import Column
from .error_numbers import MALFORMED_PACKET
from .payload import NULL, PayloadReader

Convert = Callable[[bytes], Any]

BINARY_CHARSET: Final = 63
_SHOWN: Final = 60
_DATE: Final = re.compile(rb"\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d{1,6})?)?")
_TIME: Final = re.compile(rb"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?")


def _text(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value  # as the connector does: the bytes are there for whoever can tell their character set


def _decimal(value: bytes) -> Decimal:
    return Decimal(value.decode("ascii"))


def _bytes(value: bytes) -> bytes:
    return value


def _bit(value: bytes) -> int:
    if len(value) > 8:
        raise ValueError("it has more than 64 bits")
    return int.from_bytes(value, "big")


def _set(value: bytes) -> set[str]:
    return set(value.decode().split(",")) if value else set()


def _datetime(value: bytes) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(value.decode("ascii"))
    except ValueError:
        if not _DATE.fullmatch(value):
            raise
        return None  # 0000-00-00 and other dates that Python has not


def _date(value: bytes) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(value.decode("ascii"))
    except ValueError:
        if not _DATE.fullmatch(value):
            raise
        return None


def _time(value: bytes) -> datetime.timedelta:
    found = _TIME.fullmatch(value)
    if found is None:
        raise ValueError("it is no time")
    sign, hours, minutes, seconds, fraction = found.groups()
    span = datetime.timedelta(
        hours=int(hours), minutes=int(minutes), seconds=int(seconds), microseconds=int(fraction.ljust(6, b"0")) if fraction else 0
    )
    return -span if sign else span


def _vector(value: bytes) -> Any:
    import array  # only a table with vectors needs it

    return array.array("f", value)


_BY_TYPE: Final[dict[int, Convert]] = {
    FieldType.TINY: int,
    FieldType.SHORT: int,
    FieldType.INT24: int,
    FieldType.LONG: int,
    FieldType.LONGLONG: int,
    FieldType.YEAR: int,
    FieldType.FLOAT: float,
    FieldType.DOUBLE: float,
    FieldType.DECIMAL: _decimal,
    FieldType.NEWDECIMAL: _decimal,
    FieldType.BIT: _bit,
    FieldType.DATE: _date,
    FieldType.NEWDATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.TIMESTAMP: _datetime,
    FieldType.TIME: _time,
    FieldType.SET: _set,
    FieldType.VECTOR: _vector,
    FieldType.GEOMETRY: _bytes,
    FieldType.JSON: _text,  # MySQL names the character set of a JSON value binary; it is UTF-8
}


def converter(column: Column) -> Convert:
    """Return what turns this column's bytes into a Python value."""
    known = _BY_TYPE.get(column.type)
    if known is not None:
        return known
    if column.flags & FieldFlag.SET:
        return _set
    return _bytes if column.charset == BINARY_CHARSET else _text


_IN_C: Final[dict[Convert, tuple[int, Callable[..., Any] | None]]] = {
    _bytes: (ord("b"), None),
    _text: (ord("t"), None),
    int: (ord("i"), None),
    float: (ord("f"), None),
    _bit: (ord("B"), None),
    _decimal: (ord("d"), Decimal),
    _date: (ord("D"), datetime.date.fromisoformat),
    _datetime: (ord("D"), datetime.datetime.fromisoformat),
    _time: (ord("T"), datetime.timedelta),
}
"""What _compiled_rows.c does in place of each: the kind of value, and what it calls for one."""
_OTHER: Final = ord("o")


class Converters(list[Convert]):
    """For each column, what turns its bytes into a Python value."""

    __slots__ = ("in_c", "one", "take")

    def __init__(self, functions: Iterable[Convert]) -> None:
        """Take the functions."""
        super().__init__(functions)
        self.take: Callable[[bytes, int, int, int, list[Any]], int] | None = None
        """As `packets.take()`, but it reads the rows; where it can't read one, the position of that as a negative number less one.

        None where rows are read in Python, as `one` is.
        """
        self.one: Callable[[bytes], tuple[Any, ...] | None] | None = None
        """Returns the row in a payload, None where it can't be read in C."""
        self.in_c: tuple[bytes, tuple[Callable[..., Any] | None, ...]] | None = None
        """For each column, the kind of its values for _compiled_rows.c, and what it calls for one; None where rows are read in Python."""
        if compiled.in_c is not None:
            found = [_IN_C.get(function) or (_OTHER, function) for function in self]
            self.in_c = bytes([kind for kind, _ in found]), tuple([called for _, called in found])
            self.take, self.one = partial(compiled.in_c.rows, *self.in_c), partial(compiled.in_c.row, *self.in_c)


def converters(columns: Sequence[Column], raw: bool = False) -> Converters:
    """Return for each column what turns its bytes into a Python value; with `raw` each value stays bytes."""
    return Converters([_bytes] * len(columns) if raw else [converter(column) for column in columns])


def row(payload: bytes, convert: Sequence[Convert]) -> tuple[Any, ...]:
    """Return the values of one row. What it raises for a row that can't be read, `read()` turns into a ProtocolError."""
    values: list[Any] = []
    at = 0
    for to_python in convert:
        size = payload[at]
        at += 1
        if size > 250:
            if size == 251:
                values.append(None)
                continue
            width = (2, 3, 8)[size - 252]
            size = int.from_bytes(payload[at : at + width], "little")
            at += width
        end = at + size
        values.append(to_python(payload[at:end]))
        at = end
    if at != len(payload):
        raise IndexError("its values do not end where it ends")
    return tuple(values)


def read(payloads: list[Any], columns: Sequence[Column], convert: Converters) -> None:
    """Replace each payload in the list by the row in it, so that no result is in memory twice. Rows may stand before the payloads.

    Raises ProtocolError, which names the column and the value that can't be read.
    """
    if payloads and type(payloads[-1]) is tuple:
        return  # all were read as they came
    one = convert.one
    for position, payload in enumerate(payloads):
        if type(payload) is tuple:
            continue
        try:
            payloads[position] = (one is not None and one(payload)) or row(payload, convert)
        except (IndexError, ValueError, TypeError, ArithmeticError) as error:
            raise _unreadable(payload, columns, convert) from error


def _unreadable(payload: bytes, columns: Sequence[Column], convert: Sequence[Convert]) -> ProtocolError:
    """Return the error for a row that can't be read, which names the first column that is the reason."""
    reader = PayloadReader(payload, "a row")
    try:
        for column, to_python in zip(columns, convert, strict=True):
            if payload[reader.at : reader.at + 1] == NULL.to_bytes():
                reader.at += 1
                continue
            value = reader.text()
            try:
                to_python(value)
            except (ValueError, TypeError, ArithmeticError) as reason:
                kind = FieldType.get_info(column.type) or f"type {column.type}"
                return ProtocolError(
                    f"the server sent a value that can't be read: column {column.name!r} ({kind}) holds {value[:_SHOWN]!r}: "
                    f"{str(reason) or type(reason).__name__}",
                    MALFORMED_PACKET,
                )
        reader.fail(f"it has {len(payload) - reader.at} bytes more than its {len(columns)} columns")
    except ProtocolError as too_short:
        return too_short
