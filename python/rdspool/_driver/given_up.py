"""A statement that was given up: it goes on on the server, with its locks, until somebody ends it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from mysql.connector.errors import Error

from ..deadlines import Limit
from .beside import beside
from .connection_state import QUERY, logger
from .sign_in import Login

_COMPARED: Final = 500
"""Bytes of a statement that are compared: the servers cut what they show of a long one."""


class GivenUp(NamedTuple):
    """The session of a statement that was given up."""

    address: str
    """The server's, as the connection had it: behind a name of several servers, the same number is another's session."""
    from_port: int
    """The port of this end of the connection."""
    connection_id: int
    statement: bytes

    def is_it(self, host: Any, statement: Any) -> bool:
        """Return whether a session of this number is this one. Take its HOST and its INFO as the server shows them.

        Where a load balancer stands between, the number can be that of another server's session, of the same user: then the port is another.
        """
        if str(host).rpartition(":")[2] == str(self.from_port):
            return True
        shown = str(statement or "").encode().strip()[:_COMPARED]
        return bool(shown) and self.statement.strip().startswith(shown)


def end_session(host: str, port: int, login: Login, given_up: GivenUp, limit: Limit) -> str:
    """End the session of a statement that was given up, from a second connection, before `limit`. Return what came of it."""
    number = given_up.connection_id
    try:
        with beside(given_up.address, host, port, login, limit) as commands:
            (found,) = commands.flight(QUERY + b"SELECT HOST, INFO FROM information_schema.PROCESSLIST WHERE ID = %d" % number)
            if not found:
                return f"The statement is over on the server (connection {number})."
            if not given_up.is_it(*found):
                return f"The statement may go on on a server, with its locks: connection {number} of the one that answers is another's."
            commands.query(b"KILL %d" % number)
    except Error as error:
        text = f"The statement may go on on the server (connection {number}), with its locks: it could not be ended ({error.msg})."
        logger.warning("%s", text)
        return text
    return f"The statement was ended on the server, and what it had not committed is rolled back there (connection {number})."
