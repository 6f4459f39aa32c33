"""The connection of PEP 249: cursors and transactions over the command phase.

It leaves out what can have no effect: a ROLLBACK where nothing ran, a ping before each cursor.
"""

from __future__ import annotations

import re
import time
from typing import Any, Final, NoReturn

from mysql.connector import errors
from mysql.connector.errors import Error, NotSupportedError, ProgrammingError

from . import not_offered
from .command_phase import AUTOCOMMIT, IN_TRANSACTION, CommandPhase, logger
from .cursors import Cursor, DictCursor, NamedTupleCursor
from .packets import DEFAULT_MAX_ALLOWED_PACKET, PacketStream, closed_error
from .session_start import CHARSET, SessionStart
from .sign_in import Login, receive_greeting, sign_in
from .streams import StreamingCursor, StreamingDictCursor, StreamingNamedTupleCursor
from .transactions import TransactionState
from .transport import connect

PING_TIMEOUT: Final = 1.0
"""Seconds: a server in reach answers in a few milliseconds, and giving one up that is slow costs a reconnect, no more."""

_CURSORS: Final[dict[tuple[bool, bool, bool], type[Cursor]]] = {
    # (streaming, dictionary, named_tuple)
    (False, False, False): Cursor,
    (False, True, False): DictCursor,
    (False, False, True): NamedTupleCursor,
    (True, False, False): StreamingCursor,
    (True, True, False): StreamingDictCursor,
    (True, False, True): StreamingNamedTupleCursor,
}


class Connection:
    """A connection to one server, signed in, its session set up. `Connection.open()` makes it."""

    # PEP 249's optional extension: the errors, for code that has a connection only.
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

    def __init__(self, commands: CommandPhase, user: str, version: str, connection_id: int, start: SessionStart) -> None:
        """Take a command phase whose session is still to be set up. `version` is the server's, as it greets with it."""
        self._commands = commands
        self._start = start
        self._autocommit = start.autocommit
        self.transaction = TransactionState(commands)
        self._set_up_at = -1
        self._other_level = False
        """Whether the session may be at another isolation level than it was set up with."""
        self.user = user
        self.address = commands.stream.address
        self.connection_id = connection_id
        """The connection's id on the server."""
        # MariaDB before 11 hides its version behind one that old replicas accept.
        self.server_version = version.removeprefix("5.5.5-") if "MariaDB" in version else version
        """The server's version, for example `8.4.3` or `10.11.19-MariaDB`."""
        self.charset = CHARSET

    @classmethod
    def open(
        cls,
        host: str,
        port: int,
        login: Login,
        start: SessionStart,
        *,
        timeout: float | None = None,
        max_allowed_packet: int = DEFAULT_MAX_ALLOWED_PACKET,
        force_ipv6: bool = False,
    ) -> Connection:
        """Return a new connection: the server is verified, the user signed in, the session set up. `timeout` is in seconds, for each step.

        Nothing is left open on failure. Raises the errors of `transport`, `sign_in` and the server.
        """
        stream = PacketStream(connect(host, port, timeout, force_ipv6=force_ipv6), host, port, timeout)
        try:
            greeting = receive_greeting(stream)
            accepted = sign_in(stream, greeting, login)
            stream.max_allowed_packet = max_allowed_packet
            made = cls(CommandPhase(stream, accepted.status), login.user, greeting.version, greeting.connection_id, start)
            made._set_up()
            stream.set_default_timeout(None)
        except BaseException:
            stream.close()
            raise
        return made

    def _set_up(self) -> None:
        commands = self._commands
        commands.set_variables(self._start.assignments(self.isolation_variable))
        if self._start.init_command:
            with self.cursor() as cursor:
                cursor.execute(self._start.init_command)
        self.keep_autocommit()  # init_command can have set it
        self._set_up_at = commands.commands
        self._other_level = False
        self.transaction.ended()

    def __repr__(self) -> str:
        return f"<rdspool connection {self.user}@{self.address} {'closed' if self.closed else f'id={self.connection_id}'}>"

    def __getattr__(self, name: str) -> NoReturn:
        raise not_offered.missing(self, "connection", name, not_offered.CONNECTION)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- statements ---------------------------------------------------------------------------------------------------------

    def cursor(
        self,
        buffered: bool = True,
        raw: bool = False,
        prepared: bool = False,
        cursor_class: Any = None,
        dictionary: bool = False,
        named_tuple: bool = False,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
    ) -> Cursor:
        """Return a cursor.

        With `buffered` it reads the whole result within `execute()`; without, it streams: rows are read as they are fetched. Rows are
        tuples, with `dictionary` dicts, with `named_tuple` named tuples; with `raw` their values are bytes, as the server sends them.
        The time-outs are in seconds; None: the connection's.

        Raises OperationalError 2006 where the connection is closed, NotSupportedError for a kind of cursor that is not offered.
        """
        commands = self._commands
        if commands.closed:
            raise closed_error()
        if prepared:
            raise NotSupportedError(
                "rdspool has no prepared cursors: give the values to execute(); they are sent as literals that no sql_mode lets become SQL"
            )
        if cursor_class is not None:
            raise NotSupportedError(
                "rdspool has no cursors of another class: use dictionary=True, named_tuple=True, raw=True or buffered=False, "
                "or convert values with SQLAlchemy's TypeDecorator"
            )
        kind = _CURSORS.get((not buffered, bool(dictionary), bool(named_tuple)))
        if kind is None:
            raise ProgrammingError("a cursor's rows are dicts or named tuples: give dictionary=True or named_tuple=True, not both")
        return kind(self, commands, self.transaction, raw=raw, read_timeout=read_timeout, write_timeout=write_timeout)

    @property
    def read_timeout(self) -> float | None:
        """Seconds that a statement waits for each part of its answer; None: for as long as it takes."""
        return self._commands.read_timeout

    @read_timeout.setter
    def read_timeout(self, seconds: float | None) -> None:
        self._commands.read_timeout = seconds

    @property
    def write_timeout(self) -> float | None:
        """Seconds that sending a statement waits for the server to take it; None: for as long as it takes."""
        return self._commands.write_timeout

    @write_timeout.setter
    def write_timeout(self, seconds: float | None) -> None:
        self._commands.write_timeout = seconds

    def variables(self, *expressions: str) -> tuple[Any, ...]:
        """Return the values of expressions over system variables, such as `@@session.sql_mode`.

        They touch no table, so the session is as clean afterwards as before.
        """
        return self._commands.variables(*expressions)

    # -- the session ---------------------------------------------------------------------------------------------------------

    @property
    def autocommit(self) -> bool:
        """Whether each statement commits itself, as the server's last answer says."""
        return bool(self._commands.status & AUTOCOMMIT)

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        if self.autocommit != bool(value):
            self._assign([f"@@session.autocommit = {int(value)}"])
        self._autocommit = bool(value)

    def _assign(self, assignments: list[str]) -> None:
        self._commands.set_variables(assignments)
        self._set_up_at = -1  # the session is no longer as it was set up

    @property
    def isolation_variable(self) -> str:
        """The name of the isolation level's variable: MariaDB has MySQL's name only from 11.1 on, MySQL its own since 5.7.20."""
        numbers = tuple(int(number) for number in re.findall(r"\d{1,9}", self.server_version)[:3])
        old = numbers < ((11, 1, 0) if "MariaDB" in self.server_version else (5, 7, 20))
        return "tx_isolation" if old else "transaction_isolation"

    def set_isolation_level(self, level: str) -> None:
        """Set the session's isolation level, or AUTOCOMMIT, with one command at most; an open transaction is committed, as stock does."""
        autocommit = level == "AUTOCOMMIT"
        assignments = [] if self.autocommit == autocommit else [f"@@session.autocommit = {int(autocommit)}"]
        if not autocommit:
            assignments.append(f"@@session.{self.isolation_variable} = '{level.replace(' ', '-')}'")
        elif self._other_level:
            usual = self._start.isolation_level
            assignments.append(f"@@session.{self.isolation_variable} = {repr(usual.replace(' ', '-')) if usual else 'DEFAULT'}")
        if assignments:
            self._assign(assignments)
        self._autocommit, self._other_level = autocommit, not autocommit
        if not autocommit:
            self.commit()

    def starts_with(self, level: str) -> bool:
        """Return whether the session, in which nothing has run yet, is at this isolation level (or AUTOCOMMIT) already."""
        if self._commands.commands != self._set_up_at:
            return False
        if level == "AUTOCOMMIT":
            return self.autocommit
        return not self.autocommit and level == self._start.isolation_level

    def reset(self) -> None:
        """Let the server forget the session's state, and set it up as it was when the connection was made."""
        self._commands.reset()
        self._set_up()

    def keep_autocommit(self) -> None:
        """Take autocommit as it is now for what `restore()` brings back."""
        self._autocommit = self.autocommit

    def restore(self) -> None:
        """Bring back what a statement of the last user's has changed and the server's status tells: autocommit."""
        if self.autocommit != self._autocommit:
            self._assign([f"@@session.autocommit = {int(self._autocommit)}"])

    # -- transactions --------------------------------------------------------------------------------------------------------

    @property
    def in_transaction(self) -> bool:
        """Whether the server's last answer says that a transaction is open."""
        return bool(self._commands.status & IN_TRANSACTION)

    def commit(self) -> None:
        """Commit; no round trip where there is nothing to commit. Raises OperationalError on a closed or lost connection."""
        if self._commands.closed:
            raise closed_error()
        if self.transaction.open:
            self._commands.query(b"COMMIT")
            self.transaction.ended()

    def rollback(self) -> None:
        """Roll back; no round trip where there is nothing to roll back.

        The server rolls a lost connection's transaction back by itself, so its loss is no error here, before this or during it: an error
        would only hide the one that the user has to see. Raises OperationalError on a connection that its owner closed.
        """
        commands = self._commands
        if not commands.closed:
            commands.discard()
        elif not commands.lost:
            raise closed_error()
        if not commands.closed and self.transaction.open:
            try:
                commands.query(b"ROLLBACK")
            except Error as error:
                if not self.closed:
                    raise
                logger.warning("the connection was lost during a ROLLBACK, which the server then does by itself: %s", error)
            self.transaction.ended()

    # -- checks and the end ----------------------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether it can't be used any more: closed by its owner, or given up after a loss."""
        return self._commands.closed

    @property
    def lost(self) -> bool:
        """Whether it was given up after a failure, rather than closed by its owner."""
        return self._commands.lost

    def is_connected(self) -> bool:
        """Return whether the server answers a ping."""
        try:
            self.ping()
        except Error:
            return False
        return True

    def ping(self, reconnect: bool = False) -> None:
        """Ask the server for a sign of life. Raises OperationalError; `reconnect` is the pool's part and refused."""
        if reconnect:
            raise NotSupportedError("rdspool's connection does not reconnect by itself: the pool makes a new one")
        self._commands.ping(PING_TIMEOUT)

    def usable(self, idle_gap: float) -> bool:
        """Return whether the connection can be used: by what the socket shows; idle for longer than `idle_gap` seconds, by a ping."""
        commands = self._commands
        if commands.at_end():
            return False
        # The wall clock: over a freeze of the environment the monotonic one can stand still.
        if abs(time.time() - commands.last_used) >= idle_gap:
            try:
                commands.ping(PING_TIMEOUT)
            except Error:
                return False
        return True

    def close(self) -> None:
        """Say goodbye and close the socket; a server that is gone is no error."""
        self._commands.quit()
