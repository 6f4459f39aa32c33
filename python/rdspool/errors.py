"""Every error that rdspool raises itself.

Errors of a connection are subclasses of mysql-connector-python's as well, so that `except mysql.connector.Error` and
`except sqlalchemy.exc.OperationalError` (with the error here as its `orig`) catch them.
"""

from __future__ import annotations

from typing import Any, Final

from mysql.connector.errors import Error, InterfaceError, OperationalError, ReadTimeoutError, WriteTimeoutError

_MAX_MESSAGE: Final = 2000
"""Characters of a message that are kept. The servers' own limit is 512 bytes."""


def printable(text: str, most: int = _MAX_MESSAGE) -> str:
    """Return a text of others cut to `most` characters and with those escaped that steer a terminal or change how a log line reads."""
    if len(text) > most:
        text = f"{text[:most]}... (cut)"
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


class RdspoolError(Exception):
    """Base of all errors that rdspool raises itself."""


class SettingsError(RdspoolError, ValueError):
    """A setting is missing or wrong. The text names the variable or argument, its value (never a secret) and the fix."""


class CredentialsError(RdspoolError):
    """There are no AWS credentials to sign with, the ones found can't be used, or the secret or parameter with the password can't be read."""

    def __init__(self, text: str) -> None:
        """Take the text, which can hold what a server of AWS has said."""
        super().__init__(printable(text))


class ConnectError(OperationalError, RdspoolError):
    """No connection could be made. `errno` is the server's or the driver's number."""

    def __init__(self, msg: str, *arguments: Any, **options: Any) -> None:
        """Take the text, which can hold what the peer has said, and what the connector's errors take beside it."""
        super().__init__(printable(msg), *arguments, **options)


class UnreachableError(ConnectError):
    """The host's name is not known, nothing answers there, or what answers could not be verified to be the server."""


class ConnectTimeoutError(UnreachableError):
    """The connect was not over in its time: `connect_timeout`, or what the invocation had left."""


class ReadOnlyServerError(ConnectError):
    """The endpoint leads to a server that takes no writes, and `role="writer"` asks for one that does."""


class CertificateError(ConnectError):
    """The server could not prove that it is the one asked for. Nothing of the sign-in was sent to it."""


class SignInError(ConnectError):
    """The server refused the user, the token or the password."""


class TooManyConnectionsError(ConnectError):
    """The server has as many connections as it, or the user, may have."""


class ProxyTimeoutError(ConnectError):
    """RDS Proxy got no connection to the database in its borrow timeout (9501), for a sign-in or for a statement. The statement did not run."""


class ProtocolError(InterfaceError, RdspoolError):
    """The server sent something that can't be read. The connection is closed: nothing after it can be trusted."""

    def __init__(self, msg: str, *arguments: Any, **options: Any) -> None:
        """Take the text, which can hold what the peer has sent, and what the connector's errors take beside it."""
        super().__init__(printable(msg), *arguments, **options)


class StatementTimeoutError(OperationalError, ReadTimeoutError, WriteTimeoutError, RdspoolError):
    """The server did not take a statement, or did not answer it, in `read_timeout` or `write_timeout`. The connection is closed."""

    def __init__(self, msg: str, errno: int) -> None:
        """Take the text and the number; the connector's time-out classes would replace the text by their own advice."""
        Error.__init__(self, msg, errno)


class DeadlineError(StatementTimeoutError):
    """The invocation's time, or that of a `with deadline(seconds)`, was nearly over while something was waited for."""


class UnitError(RdspoolError):
    """A unit of work failed that can't be run again: a part of it has been committed already."""


class OutcomeUnknownError(OperationalError, RdspoolError):
    """A COMMIT, or a statement that commits by itself, was sent, and its answer was lost: it may have happened, and it may not.

    Nothing of rdspool runs it again. Look whether it happened, by an id that the transaction wrote, before you do.
    """

    def __init__(self, error: Error) -> None:
        """Take the error that was met in place of the answer."""
        super().__init__(
            f"the outcome is unknown, for the answer to a COMMIT, or to a statement that commits by itself, was lost ({error.msg}): look "
            "whether it happened, by an id that it wrote, before running it again",
            errno=error.errno,
            sqlstate=error.sqlstate,
        )
        for note in getattr(error, "__notes__", ()):
            self.add_note(note)
