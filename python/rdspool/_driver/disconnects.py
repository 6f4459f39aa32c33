"""Which errors mean that the connection is gone, or of no use any more."""

from __future__ import annotations

from mysql.connector.errors import Error, ReadTimeoutError, WriteTimeoutError

from .error_numbers import CANT_LOCK, CLIENT_LOST, OPTION_PREVENTS_STATEMENT, PROXY_TIMED_OUT, READ_ONLY, SERVER_CLOSES


def is_disconnect(error: BaseException) -> bool:
    """Return whether a connection that met `error` has to be replaced.

    A server that has become read-only counts: after a failover the old writer lives on as a reader, and only a new connection,
    which looks the endpoint's name up again, finds the new one. An RDS Proxy without a connection to the database counts as well: the
    ROLLBACK, with which the connection would go on, would wait for one as long again.
    """
    if isinstance(error, (ReadTimeoutError, WriteTimeoutError)):
        return True
    if not isinstance(error, Error):
        return False
    number = error.errno
    if number in SERVER_CLOSES or number in CLIENT_LOST or number == PROXY_TIMED_OUT or is_read_only(error):
        return True
    text = str(error)
    return "MySQL Connection not available" in text or "Connection to MySQL is not available" in text


def is_read_only(error: BaseException) -> bool:
    """Return whether `error` says that the server takes no writes any more."""
    if not isinstance(error, Error):
        return False
    number, text = error.errno, str(error)
    if number in READ_ONLY:
        return True
    if number == CANT_LOCK:
        # InnoDB's own number for "the table is read only": what a reader without a redo log, such as Aurora's, says to INSERT and UPDATE.
        return "errno: 165 " in text
    if number == OPTION_PREVENTS_STATEMENT:
        # The server also says 1290 under --secure-file-priv and other options, so the text decides.
        return "read-only" in text or "read_only" in text
    return False
