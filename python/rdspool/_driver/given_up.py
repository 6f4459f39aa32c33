"""A statement that was given up: it goes on on the server, with its locks, until somebody ends it."""

from __future__ import annotations

from mysql.connector.errors import Error

from ..deadlines import Limit
from .answers import logger
from .command_phase import CommandPhase
from .packets import PacketStream
from .sign_in import Login, receive_greeting, sign_in
from .transport import connect


def end_session(host: str, address: str, port: int, login: Login, connection_id: int, limit: Limit) -> str:
    """End the session `connection_id` of the server at `address`, from a second connection, before `limit`. Return what came of it.

    `address` is the one that the first connection had: behind a name of several servers, the same number is another's session.
    """
    try:
        stream = PacketStream(connect(address, port, limit), host, port)
        stream.waiting.limit(limit)
        try:
            accepted = sign_in(stream, receive_greeting(stream), login)
            commands = CommandPhase(stream, accepted.status)
            commands.query(b"KILL %d" % connection_id)
            commands.quit()
        finally:
            stream.close()
    except Error as error:
        text = f"The statement may go on on the server (connection {connection_id}), with its locks: it could not be ended ({error.msg})."
        logger.warning("%s", text)
        return text
    return f"The statement was ended on the server, and what it had not committed is rolled back there (connection {connection_id})."
