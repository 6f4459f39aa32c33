"""The description of a result's columns."""

from __future__ import annotations

from typing import Final, NamedTuple

from mysql.connector.constants import FieldFlag

from .payload import PayloadReader

_CACHE_SIZE: Final = 2000
"""Column descriptions kept: those of a function's statements come back unchanged with every call."""
_CACHED_LENGTH: Final = 2000
"""Bytes of a description that is kept at most: a usual one has 60, and they are kept as long as the process."""


class Column(NamedTuple):
    """What the server says of one column."""

    name: str
    type: int
    """One of mysql.connector.FieldType."""
    flags: int
    """Bits of mysql.connector.FieldFlag."""
    charset: int
    """Number of the collation; 63 is binary."""

    @property
    def description(self) -> tuple[str, int, None, None, None, None, bool]:
        """The column as PEP 249 wants it in `Cursor.description`."""
        return self.name, self.type, None, None, None, None, not self.flags & FieldFlag.NOT_NULL


_cache: dict[bytes, Column] = {}


def parse_column(payload: bytes) -> Column:
    """Return the column that this payload describes. Raises ProtocolError."""
    known = _cache.get(payload)
    if known is None:
        known = _parse(payload)
        if len(payload) <= _CACHED_LENGTH:
            if len(_cache) >= _CACHE_SIZE:
                _cache.clear()
            _cache[payload] = known
    return known


def _parse(payload: bytes) -> Column:
    reader = PayloadReader(payload, "a column's description")
    for _ in range(4):  # catalog, schema, table, the table's original name
        reader.text()
    name = reader.text()
    reader.text()  # the column's original name
    if reader.length() < 12:
        reader.fail("its fixed part has less than 12 bytes")
    charset = reader.integer(2)
    reader.integer(4)  # the length of the longest value
    kind = reader.integer(1)
    flags = reader.integer(2)
    reader.fixed(3)  # decimals, two bytes without a meaning
    try:
        return Column(name.decode(), kind, flags, charset)
    except UnicodeDecodeError as error:
        reader.fail(f"its name is no UTF-8 ({error})")
