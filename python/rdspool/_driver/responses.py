"""The generic answers of the command phase: OK, EOF and ERR, and the number of a result's columns.

Source: MySQL's protocol documentation, "Generic Response Packets" and "Text Resultset".
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from mysql.connector.errors import Error, IntegrityError, OperationalError, get_mysql_exception

from ..errors import ProtocolError, ProxyTimeoutError, printable
from .error_numbers import CHECK_VIOLATED, PROXY_TIMED_OUT, SERVER_CLOSES
from .payload import NULL, PayloadReader, malformed

MAX_COLUMNS: Final = 4096
"""Columns of a table or a result at most (MySQL Reference Manual, "Limits on Table Column Count")."""


_PROXY_TIMED_OUT: Final = (
    "RDS Proxy got no connection to the database within its borrow timeout (ConnectionBorrowTimeout), so nothing was run. Either the database "
    "is not available, as in a failover: try again later. Or all of the proxy's connections are in use, by open transactions and pinned clients: see "
    "its metrics DatabaseConnectionsCurrentlyBorrowed and DatabaseConnectionsCurrentlySessionPinned, keep transactions short, avoid what pins, "
    "or raise MaxConnectionsPercent and the database's max_connections"
)


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
        # Each statement comes here: made without the call of the class, which is a function in Python.
        return tuple.__new__(Ok, (payload[1], payload[2], payload[3] | payload[4] << 8, payload[5] | payload[6] << 8))
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
    if number == PROXY_TIMED_OUT:
        return ProxyTimeoutError(f"{text}: {_PROXY_TIMED_OUT}", errno=number, sqlstate=state)
    made: Any = get_mysql_exception(number, msg=text, sqlstate=state)
    if number == CHECK_VIOLATED and not isinstance(made, IntegrityError):
        # Its SQLSTATE is the general one, so the connector takes it for a DatabaseError.
        return IntegrityError(text, number, sqlstate=state)
    if number in SERVER_CLOSES and not isinstance(made, OperationalError):
        # The same for the end of a connection, which `except OperationalError` around a retry has to see.
        return OperationalError(text, number, sqlstate=state)
    error: Error = made
    return error


def parse_leave(came: bytes) -> Error | None:
    """Return the error in bytes that came unasked, with which a server closes the connection; None where they are anything else."""
    # A packet of its own sequence and nothing behind it: the first packet of an answer has the number 1.
    if came[3:5] != b"\0\xff" or len(came) != 4 + int.from_bytes(came[:3], "little"):
        return None
    try:
        error = parse_error(came[4:])
    except ProtocolError:
        return None
    return error if error.errno in SERVER_CLOSES else None


def parse_column_count(payload: bytes) -> int:
    """Return the number of columns of the result that follows. Raises ProtocolError."""
    if len(payload) == 1 and 0 < payload[0] < NULL:  # nearly always
        return payload[0]
    reader = PayloadReader(payload, "the number of a result's columns")
    count = reader.length()
    if reader.at != len(payload):
        reader.fail("it is longer than a number")
    if not 1 <= count <= MAX_COLUMNS:
        reader.fail(f"{count:,} columns are not possible (1 to {MAX_COLUMNS:,})")
    return count
