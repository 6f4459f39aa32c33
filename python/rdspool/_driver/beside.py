"""A second connection to the same server, for what the first one can't do any more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mysql.connector.errors import Error

from ..deadlines import Limit
from .command_phase import CommandPhase
from .connection_state import QUERY
from .packets import PacketStream
from .sign_in import Login, receive_greeting, sign_in
from .transport import connect


@contextmanager
def beside(address: str, host: str, port: int, login: Login, limit: Limit) -> Iterator[CommandPhase]:
    """Sign in at `address`, the server's own behind the name `host`, and close the connection after the block. All waits end at `limit`.

    Raises the errors of `transport`, `sign_in` and the server.
    """
    stream = PacketStream(connect(address, port, limit), host, port)
    try:
        stream.waiting.limit(limit)
        accepted = sign_in(stream, receive_greeting(stream), login)
        commands = CommandPhase(stream, accepted.status)
        yield commands
        commands.quit()
    finally:
        stream.close()


def packet_limit(address: str, host: str, port: int, login: Login, limit: Limit) -> int | None:
    """Return the server's max_allowed_packet in bytes, None where it can't be asked."""
    try:
        with beside(address, host, port, login, limit) as commands:
            (found,) = commands.flight(QUERY + b"SELECT @@max_allowed_packet")
        return int(found[0])
    except (Error, IndexError, ValueError):
        return None
