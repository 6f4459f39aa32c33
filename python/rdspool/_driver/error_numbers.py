"""The numbers of server and client errors that rdspool knows by name. They stand here and nowhere else.

Sources: MySQL 9.7 Error Message Reference; MariaDB's error codes.
"""

from __future__ import annotations

from typing import Final

# -- errors of the client --------------------------------------------------------------------------------------------------
CANNOT_CONNECT: Final = 2003
SERVER_GONE: Final = 2006
SERVER_LOST: Final = 2013
TLS_FAILED: Final = 2026
MALFORMED_PACKET: Final = 2027
CONNECTION_FAILED: Final = 2055
TIMED_OUT: Final = 3024

# -- errors of the server ----------------------------------------------------------------------------------------------------
TOO_MANY_CONNECTIONS: Final = 1040
ACCESS_DENIED_TO_DATABASE: Final = 1044
ACCESS_DENIED: Final = 1045
UNKNOWN_DATABASE: Final = 1049
SYNTAX_ERROR: Final = 1064
TOO_MANY_USER_CONNECTIONS: Final = 1203
USER_LIMIT_REACHED: Final = 1226
CANT_LOCK: Final = 1015
OPTION_PREVENTS_STATEMENT: Final = 1290
CHECK_VIOLATED: Final = 3819

PACKET_TOO_LARGE: Final = 1153

PROXY_TIMED_OUT: Final = 9501
"""RDS Proxy's own: it waited for a connection to the database, and none came (AWS: "Troubleshooting for RDS Proxy")."""

TOO_MANY: Final = frozenset({TOO_MANY_CONNECTIONS, TOO_MANY_USER_CONNECTIONS, USER_LIMIT_REACHED})
"""The server, or the user, has as many connections as it may have."""

RUN_AGAIN: Final = frozenset(
    {
        1020,  # MariaDB: the row was changed since it was read (innodb_snapshot_isolation)
        1205,  # lock wait timeout exceeded
        1213,  # deadlock found
    }
)
"""The transaction could not go on because of another one: run whole again, it may."""

SERVER_CLOSES: Final = frozenset(
    {
        1053,  # server shutdown in progress
        1077,  # normal shutdown
        1079,  # aborting on signal
        1080,  # forcing close of thread
        1152,  # aborted connection
        PACKET_TOO_LARGE,  # packet bigger than max_allowed_packet: the server closes after it
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
"""Errors that the server sends before it closes the connection."""

READ_ONLY: Final = frozenset(
    {
        1836,  # running in read-only mode: DDL on a reader
        1874,  # InnoDB is in read only mode
        3032,  # the server is in offline mode, as while it changes its role
    }
)
"""Errors of a server that has become a reader: a new connection looks the endpoint's name up again, and finds the writer."""

CLIENT_LOST: Final = frozenset(
    {
        2002,  # can't connect through the socket
        CANNOT_CONNECT,
        SERVER_GONE,
        SERVER_LOST,
        2014,  # commands out of sync
        MALFORMED_PACKET,
        2045,  # can't open shared memory
        2048,  # invalid connection handle
        CONNECTION_FAILED,
    }
)
"""Errors of the client after which the connection can't be used."""
