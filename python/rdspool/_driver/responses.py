"""The generic answers of the command phase: OK, EOF and ERR, and the number of a result's columns.

Source: MySQL's protocol documentation, "Generic Response Packets" and "Text Resultset".
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from mysql.connector.errors import Error, IntegrityError, get_mysql_exception

from .error_numbers import CHECK_VIOLATED
from .payload import NULL, PayloadReader, malformed

MAX_COLUMNS: Final = 4096
"""Columns of a table or a result at most (MySQL Reference Manual, "Limits on Table Column Count")."""

_MAX_MESSAGE: Final = 2000
"""Characters of a server's message that are kept. The servers' own limit is 512 bytes."""


class Ok(NamedTuple):
    """What an OK packet says."""

    affected_rows: int
    last_insert_id: int
    status: int
    warnings: int


class End(NamedTuple):
    """What an EOF packet says."""

    warnings: int
    status: int


def parse_ok(payload: bytes) -> Ok:
    """Return the OK packet. Raises ProtocolError."""
    if len(payload) >= 7 and payload[1] < NULL and payload[2] < NULL:  # nearly always: small numbers
        return Ok(payload[1], payload[2], payload[3] | payload[4] << 8, payload[5] | payload[6] << 8)
    reader = PayloadReader(payload, "an OK packet", 1)
    return Ok(reader.length(), reader.length(), reader.integer(2), reader.integer(2))


def parse_end(payload: bytes) -> End:
    """Return the EOF packet. Raises ProtocolError."""
    if len(payload) != 5:
        raise malformed("an EOF packet", payload, f"it has {len(payload)} bytes, not 5")
    return End(payload[1] | payload[2] << 8, payload[3] | payload[4] << 8)


def parse_error(payload: bytes) -> Error:
    """Return the server's refusal as the exception that PEP 249 has for it. Raises ProtocolError."""
    reader = PayloadReader(payload, "an error", 1)
    number = reader.integer(2)
    state = None
    if payload[3:4] == b"#":
        state = printable(reader.fixed(6)[1:].decode("ascii", "replace"))
    # Without a text the connector looks for one of its own, and fails for a number that it does not know: SIGNAL gives any number.
    text = printable(reader.rest().decode("utf-8", "replace")) or "the server gave no reason"
    made: Any = get_mysql_exception(number, msg=text, sqlstate=state)
    if number == CHECK_VIOLATED and not isinstance(made, IntegrityError):
        # Its SQLSTATE is the general one, so the connector takes it for a DatabaseError.
        return IntegrityError(text, number, sqlstate=state)
    error: Error = made
    return error


def printable(text: str) -> str:
    """Return the text with all that does not print escaped, and cut to a bounded length: it goes into logs and terminals.

    Not the control characters alone: others change the direction in which a terminal shows the text, or hide a part of it.
    """
    if len(text) > _MAX_MESSAGE:
        text = f"{text[:_MAX_MESSAGE]}... (cut)"
    return text if text.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def parse_column_count(payload: bytes) -> int:
    """Return the number of columns of the result that follows. Raises ProtocolError."""
    reader = PayloadReader(payload, "the number of a result's columns")
    count = reader.length()
    if reader.at != len(payload):
        reader.fail("it is longer than a number")
    if not 1 <= count <= MAX_COLUMNS:
        reader.fail(f"{count:,} columns are not possible (1 to {MAX_COLUMNS:,})")
    return count
