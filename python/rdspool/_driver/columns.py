"""The description of a result's columns."""

from __future__ import annotations

from typing import Final, NamedTuple

from mysql.connector.constants import FieldFlag

from .kept import Kept
from .payload import PayloadReader

_MOST: Final = 2000
_LONGEST: Final = 2000
"""Bytes; a usual description has 60."""


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


_known: Final[Kept[bytes, Column]] = Kept(_MOST, _LONGEST)


def parse_column(payload: bytes) -> Column:
    """Return the column that this payload describes. Raises ProtocolError."""
    known = _known.get(payload)
    return known if known is not None else _known.keep(payload, _parse(payload))


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
