"""Which errors mean that the connection is gone, or of no use any more."""

from __future__ import annotations

from typing import Final

from mysql.connector.errors import Error, ReadTimeoutError, WriteTimeoutError

SERVER: Final = frozenset(
    {
        1053,  # server shutdown in progress
        1077,  # normal shutdown
        1079,  # aborting on signal
        1080,  # forcing close of thread
        1152,  # aborted connection
        1153,  # packet bigger than max_allowed_packet: the server closes after it
        1154,  # read error from the connection's pipe
        1156,  # packets out of order
        1157,  # couldn't uncompress packet
        1158,  # error reading packets
        1159,  # timeout reading packets
        1160,  # error writing packets
        1161,  # timeout writing packets
        1184,  # aborted connection, new form
        1927,  # MariaDB: connection was killed
        3169,  # session was killed
        4031,  # disconnected for inactivity
    }
)
"""Errors that the server sends before it closes the connection (MySQL and MariaDB error references)."""

CLIENT: Final = frozenset(
    {
        2002,  # can't connect through the socket
        2003,  # can't connect to the host
        2006,  # server has gone away
        2013,  # lost connection during query
        2014,  # commands out of sync
        2027,  # malformed packet
        2045,  # can't open shared memory
        2048,  # invalid connection handle
        2055,  # lost connection, system error
    }
)

READ_ONLY_MODE: Final = 1836
OPTION_PREVENTS_STATEMENT: Final = 1290
"""Also said under --secure-file-priv and other options, so its text decides."""


def is_disconnect(error: BaseException) -> bool:
    """Return whether a connection that met `error` has to be replaced.

    A server that has become read-only counts: after a failover the old writer lives on as a reader, and only a new connection,
    which looks the endpoint's name up again, finds the new one.
    """
    if isinstance(error, (ReadTimeoutError, WriteTimeoutError)):
        return True
    if not isinstance(error, Error):
        return False
    number = error.errno
    if number in SERVER or number in CLIENT or number == READ_ONLY_MODE:
        return True
    text = str(error)
    if number == OPTION_PREVENTS_STATEMENT:
        return "read-only" in text or "read_only" in text
    return "MySQL Connection not available" in text or "Connection to MySQL is not available" in text
