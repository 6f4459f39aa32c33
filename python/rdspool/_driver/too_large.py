"""A statement that is larger than the server's max_allowed_packet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mysql.connector.errors import Error

from ..errors import StatementTooLargeError
from .error_numbers import CONNECTION_FAILED, PACKET_TOO_LARGE, SERVER_LOST

LARGE: Final = 1024 * 1024
"""Bytes of a statement from which on a lost connection can be the server's answer to its size. Servers take 16 MiB or more by default."""


def check(error: Error, payload: bytes, ask: Callable[[], int | None] | None) -> None:
    """Raise StatementTooLargeError where `error` was met because the command `payload` is larger than the server takes.

    The server says so (1153) before it has read the command, and closes the connection: most often that end is all that the client meets.
    `ask` asks for the server's limit over another connection; it is called only where the size can be the reason.
    """
    size = len(payload)
    if error.errno != PACKET_TOO_LARGE and (size < LARGE or error.errno not in (CONNECTION_FAILED, SERVER_LOST)):
        return
    limit = None if ask is None else ask()
    if error.errno != PACKET_TOO_LARGE and (limit is None or size < limit):
        if limit is None:
            error.add_note(f"The statement has {size:,} bytes, and a server closes the connection for one beyond its max_allowed_packet.")
        return
    raise StatementTooLargeError(
        f"the statement has {size:,} bytes, and the server takes {'fewer' if limit is None else f'{limit:,}'} at most (its max_allowed_packet): it "
        "was not run, and the connection is closed. Send less at once, such as fewer rows per executemany(), or raise max_allowed_packet in the "
        "database's parameter group",
        errno=PACKET_TOO_LARGE,
        sqlstate="08S01",
    ) from error
