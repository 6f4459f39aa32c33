"""Every error that rdspool raises itself.

Errors of a connection are subclasses of mysql-connector-python's as well, so that `except mysql.connector.Error` and
`except sqlalchemy.exc.OperationalError` (with the error here as its `orig`) catch them.
"""

from __future__ import annotations

from mysql.connector.errors import Error, InterfaceError, OperationalError, ReadTimeoutError, WriteTimeoutError


class RdspoolError(Exception):
    """Base of all errors that rdspool raises itself."""


class SettingsError(RdspoolError, ValueError):
    """A setting is missing or wrong. The text names the variable or argument, its value (never a secret) and the fix."""


class CredentialsError(RdspoolError):
    """There are no AWS credentials to sign an IAM token with, or the ones found can't be used."""


class ConnectError(OperationalError, RdspoolError):
    """No connection could be made. `errno` is the server's or the driver's number."""


class UnreachableError(ConnectError):
    """The host's name is not known, or nothing answers there."""


class CertificateError(ConnectError):
    """The server could not prove that it is the one asked for. Nothing of the sign-in was sent to it."""


class SignInError(ConnectError):
    """The server refused the user, the token or the password."""


class TooManyConnectionsError(ConnectError):
    """The server has as many connections as it, or the user, may have."""


class ProtocolError(InterfaceError, RdspoolError):
    """The server sent something that can't be read. The connection is closed: nothing after it can be trusted."""


class StatementTimeoutError(OperationalError, ReadTimeoutError, WriteTimeoutError, RdspoolError):
    """The server did not take a statement, or did not answer it, in `read_timeout` or `write_timeout`. The connection is closed."""

    def __init__(self, msg: str, errno: int) -> None:
        """Take the text and the number; the connector's time-out classes would replace the text by their own advice."""
        Error.__init__(self, msg, errno)
