"""Rows and column descriptions of text results, as Python values.

The values equal those of the connector's own MySQLConverter: where a type needs more than a built-in, its method is called.
"""

from __future__ import annotations

import datetime
import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from mysql.connector.constants import FieldFlag, FieldType
from mysql.connector.conversion import MySQLConverter
from mysql.connector.errors import InterfaceError

Column = tuple[str, int, None, None, None, None, int, int, int]
Convert = Callable[[bytes], Any]

BINARY_CHARSET: Final = 63
_COLUMN_CACHE_LIMIT: Final = 2000
"""Column descriptions kept: those of a function's statements come back unchanged with every call."""

_TAIL = struct.Struct("<xHIBHBxx")
_columns: dict[bytes, Column] = {}


def column(packet: bytes, encoding: str = "utf8") -> Column:
    """Return the description of the column in this packet: name, type, ..., nullable, flags, charset."""
    key = packet[4:]
    if encoding != "utf8":
        return _parse_column(key, encoding)
    known = _columns.get(key)
    if known is None:
        if len(_columns) >= _COLUMN_CACHE_LIMIT:
            _columns.clear()
        known = _columns[key] = _parse_column(key)
    return known


def _parse_column(packet: bytes, encoding: str = "utf8") -> Column:
    at, text = 0, b""
    try:
        for position in range(6):  # catalog, schema, table, its original name, name, its original name
            size = packet[at]
            at += 1
            if size > 250:
                width = size - 250
                size = int.from_bytes(packet[at : at + width], "little")
                at += width
            if position == 4:
                text = packet[at : at + size]
            at += size
        charset, _, kind, flags, _ = _TAIL.unpack_from(packet, at)
    except (IndexError, struct.error) as error:
        raise InterfaceError(f"the server sent a column description that can't be read: {error}") from error
    return text.decode(encoding), kind, None, None, None, None, ~flags & FieldFlag.NOT_NULL, flags, charset


def _text(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value  # as the connector does: the bytes are there for whoever can tell their charset


def _decimal(value: bytes) -> Decimal:
    return Decimal(value.decode())


def _identity(value: bytes) -> bytes:
    return value


_NUMBERS: Final[dict[int, Convert]] = {
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
}
_STRINGS: Final = frozenset({FieldType.STRING, FieldType.VAR_STRING, FieldType.VARCHAR, FieldType.ENUM})
_BLOBS: Final = frozenset({FieldType.BLOB, FieldType.TINY_BLOB, FieldType.MEDIUM_BLOB, FieldType.LONG_BLOB})


def converters(columns: Sequence[Column], converter: MySQLConverter) -> list[Convert]:
    """Return for each column what turns its bytes into the value that `converter` would give."""
    return [_convert(description, converter) for description in columns]


def _convert(description: Column, converter: MySQLConverter) -> Convert:
    kind, flags, charset = description[1], description[7], description[8]
    number = _NUMBERS.get(kind)
    if number is not None:
        return number
    if kind in _STRINGS or kind in _BLOBS:
        if not flags & FieldFlag.SET and converter.charset == "utf8" and converter.use_unicode:
            return _identity if charset == BINARY_CHARSET else _text
    elif kind in (FieldType.DATETIME, FieldType.TIMESTAMP):
        return _iso(datetime.datetime.fromisoformat, converter, description)
    elif kind == FieldType.DATE:
        return _iso(datetime.date.fromisoformat, converter, description)
    return lambda value: converter.to_python(description, value)


def _iso(parse: Callable[[str], Any], converter: MySQLConverter, description: Column) -> Convert:
    def convert(value: bytes) -> Any:
        try:
            return parse(value.decode())
        except ValueError:
            # '0000-00-00' and other dates that Python has not: the connector says what becomes of them.
            return converter.to_python(description, value)

    return convert


def row(packet: bytes, convert: Sequence[Convert], at: int = 4) -> tuple[Any, ...]:
    """Return the values of a row's packet, from its byte `at` on."""
    values: list[Any] = []
    for to_python in convert:
        size = packet[at]
        at += 1
        if size > 250:
            if size == 251:
                values.append(None)
                continue
            width = (2, 3, 8)[size - 252]
            size = int.from_bytes(packet[at : at + width], "little")
            at += width
        end = at + size
        values.append(to_python(packet[at:end]))
        at = end
    return tuple(values)
