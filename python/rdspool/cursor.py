"""The buffered cursor of the pure driver: the connector's, without its ping, its statement splitter and its slow quoting."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from mysql.connector._scripting import MySQLScriptSplitter
from mysql.connector.constants import SQLMode
from mysql.connector.conversion import MySQLConverter
from mysql.connector.cursor import MySQLCursorBuffered
from mysql.connector.errors import ProgrammingError

if TYPE_CHECKING:
    from .session import Session

_NEEDS_ESCAPE: Final = re.compile(rb"[\\\n\r'\"\x1a]")
_PLACEHOLDER: Final = b"%s"
_NAMED_PLACEHOLDER: Final = re.compile(rb"%\(([^)]+)\)([diouxXeEfFgGcrs%])")


class Cursor(MySQLCursorBuffered):
    """Reads the whole result within `execute()`."""

    def __init__(self, connection: Session, read_timeout: int | None = None, write_timeout: int | None = None) -> None:
        super().__init__(None, read_timeout, write_timeout)
        # The connector keeps a weak proxy, which every access goes through; a cursor may hold its connection as well.
        self._connection: Any = connection

    def execute(self, operation: Any, params: Any = None, map_results: bool = False) -> None:
        """Run a statement, with `%s` or `%(name)s` in it replaced by `params`, quoted."""
        connection = self._connection
        if connection is None:
            raise ProgrammingError("the cursor is closed")
        if not operation:
            return
        if map_results:
            super().execute(operation, params, map_results)
            return
        connection.handle_unread_result()
        self._reset_result()
        if isinstance(operation, str):
            try:
                statement = operation.encode(connection.python_charset)
            except UnicodeEncodeError as error:
                raise ProgrammingError(str(error)) from error
            # Looked for in the statement as written, never in the values: the connector, which looks afterwards, takes a value
            # with the word in it apart.
            if not params and MySQLScriptSplitter.has_delimiter(statement):
                super().execute(operation, params, map_results)
                return
        else:
            statement = operation
        if params and isinstance(params, dict):
            statement = substitute_named(statement, self._process_params_dict(params))
        elif params:
            if not isinstance(params, (list, tuple)):
                raise ProgrammingError(f"parameters must be a list, a tuple or a dict, not {type(params).__name__}")
            statement = substitute(statement, params, self._process_params)
        self._executed = statement
        self._handle_result(connection.cmd_query(statement, read_timeout=self._read_timeout, write_timeout=self._write_timeout))

    def close(self) -> Any:
        """Close the cursor; what a procedure or a second statement still answers is read, so that the next one does not get it."""
        connection = self._connection
        if connection is not None and connection._have_next_result and not connection.closed:
            connection._drain()
        return super().close()

    def _process_params(self, params: Sequence[Any]) -> tuple[bytes, ...]:
        """Return the values as SQL literals. The usual types have a short way here, to the same text as the connector's."""
        connection = self._connection
        converter = connection.converter
        short = type(converter) is MySQLConverter and converter.charset == "utf8"
        backslash = not connection.no_backslash_escapes
        literals = []
        try:
            for value in params:
                kind = type(value)
                if short and kind is str:
                    encoded = value.encode()
                    if backslash and not _NEEDS_ESCAPE.search(encoded):
                        literals.append(b"'%b'" % encoded)
                        continue
                elif short and kind is int:
                    literals.append(b"%d" % value)
                    continue
                elif short and value is None:
                    literals.append(b"NULL")
                    continue
                literals.append(self._literal(value, converter))
        except (TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise ProgrammingError(f"Failed processing format-parameters; {error}") from error
        return tuple(literals)

    def _literal(self, value: Any, converter: Any) -> bytes:
        # The server's status tells the escaping in force now; the connector asks once and keeps the answer over later changes.
        mode = SQLMode.NO_BACKSLASH_ESCAPES if self._connection.no_backslash_escapes else ""
        escaped = converter.escape(converter.to_mysql(value), mode)
        return bytes(escaped if isinstance(value, Decimal) else converter.quote(escaped))

    def _process_params_dict(self, params: dict[str, Any]) -> Any:
        return dict(zip((name.encode() for name in params), self._process_params(list(params.values())), strict=True))


def substitute(statement: bytes, params: Sequence[Any], literals: Callable[[Sequence[Any]], Sequence[bytes]]) -> bytes:
    """Return the statement with its placeholders replaced by what `literals` makes of the parameters.

    Raises ProgrammingError where their numbers differ.
    """
    parts = statement.split(_PLACEHOLDER)
    if len(parts) != len(params) + 1:
        wanted = len(parts) - 1
        what = (
            "Not enough parameters for the SQL statement" if wanted > len(params) else "Not all parameters were used in the SQL statement"
        )
        raise ProgrammingError(f"{what}: it has {wanted} placeholders, {len(params)} values were given")
    pieces = [parts[0]]
    for value, part in zip(literals(params), parts[1:], strict=True):
        pieces += (value, part)
    return b"".join(pieces)


def substitute_named(statement: bytes, literals: Mapping[bytes, bytes]) -> bytes:
    """Return the statement with its `%(name)s` replaced by the literals of those names.

    Raises ProgrammingError where one has no value, or another conversion than `s`.
    """

    def literal(match: re.Match[bytes]) -> bytes:
        name, conversion = match.groups()
        if conversion == b"%":
            return b"%"
        if conversion != b"s" or name not in literals:
            wanted = f"%({name.decode()}){conversion.decode()}"
            known = ", ".join(key.decode() for key in literals)
            raise ProgrammingError(
                f"the statement has the placeholder {wanted}; values were given for: {known}, each to be written %(name)s"
            )
        return literals[name]

    return _NAMED_PLACEHOLDER.sub(literal, statement)
