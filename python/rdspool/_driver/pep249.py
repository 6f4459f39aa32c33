"""PEP 249's optional extension: the errors as attributes of a connection, for code that has a connection only."""

from __future__ import annotations

from mysql.connector import errors


class ErrorsAsAttributes:
    """Base class of the connection."""

    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError
