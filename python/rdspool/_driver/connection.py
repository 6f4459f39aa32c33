"""The connection of PEP 249: cursors and transactions over the command phase.

It leaves out what can have no effect: a ROLLBACK where nothing ran, a ping before each cursor.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NoReturn

from mysql.connector.errors import Error, NotSupportedError, ProgrammingError

from .. import deadlines
from ..deadlines import Limit
from . import not_offered
from .byte_stream import closed_error
from .command_phase import CommandPhase
from .connection_state import IN_TRANSACTION, QUERY, logger
from .cursors import Cursor
from .lives import CLOSED, LOST, Life
from .packets import DEFAULT_MAX_ALLOWED_PACKET, PacketStream
from .pep249 import ErrorsAsAttributes
from .session import Session
from .session_start import CHARSET, SessionStart
from .sign_in import Login, receive_greeting, sign_in
from .stopwatch import Stopwatch
from .transactions import TransactionState
from .transport import connect

_PING: Final = 0.75
"""Part of a connect's time that a ping may take. A server in reach answers in milliseconds; giving up one that is slow costs five times as many
answers, those of a reconnect. A peer whose network is dead is given up much earlier."""

_ROLLBACK: Final = QUERY + b"ROLLBACK"


class Connection(ErrorsAsAttributes):
    """A connection to one server, signed in, its session set up. `Connection.open()` makes it."""

    def __init__(self, commands: CommandPhase, user: str, version: str, connection_id: int, start: SessionStart) -> None:
        """Take a command phase whose session is still to be set up. `version` is the server's, as it greets with it."""
        self._commands = commands
        self.transaction = TransactionState(commands)
        self.session = Session(commands, self.transaction, start, version, self._run)
        self.user = user
        self.address = commands.stream.address
        self.connection_id = connection_id
        """The connection's id on the server."""
        # MariaDB before 11 hides its version behind one that old replicas accept.
        self.server_version = version.removeprefix("5.5.5-") if "MariaDB" in version else version
        """The server's version, for example `8.4.3` or `10.11.19-MariaDB`."""
        self.charset = CHARSET
        self.session_kept = False
        """Whether `keep_session()` was called."""
        self.pressure: Any = None
        """Asks how near the server is to its limit of connections; None: nothing asks."""
        self.life: Life = commands.life
        self.server_address = ""
        """The address, without a name, that it leads to."""
        self.why = ""
        """Why it was made: one of `lives.REASONS`."""
        self.steps: dict[str, float] = {}
        """Seconds that each step of its making took."""
        self.asked: dict[str, Any] = {}
        """What was asked of the server while connecting, for SQLAlchemy's questions at its first connect: see `probes`."""

    @classmethod
    def open(
        cls,
        host: str,
        port: int,
        login: Login,
        start: SessionStart,
        *,
        limit: Limit,
        margin: float = deadlines.MARGIN,
        max_allowed_packet: int = DEFAULT_MAX_ALLOWED_PACKET,
        force_ipv6: bool = False,
        set_up: Callable[[Connection], object] | None = None,
    ) -> Connection:
        """Return a new connection: the server is verified, the user signed in, the session set up, all of it before `limit`.

        `margin` (seconds): its waits end so long before an invocation. `set_up` sets the session up; None: `session.set_up()` does.
        Nothing is left open on failure. Raises the errors of `transport`, `sign_in` and the server.
        """
        watch = Stopwatch()
        stream = PacketStream(connect(host, port, limit, force_ipv6=force_ipv6, lap=watch.lap), host, port)
        try:
            stream.waiting.margin = margin
            stream.waiting.limit(limit)
            greeting = receive_greeting(stream)
            watch.lap("greeting")
            accepted = sign_in(stream, greeting, login, watch.lap)
            stream.max_allowed_packet = max_allowed_packet
            made = cls(CommandPhase(stream, accepted.status), login.user, greeting.version, greeting.connection_id, start)
            set_up(made) if set_up is not None else made.session.set_up()
            made.limit(None)
        except BaseException:
            stream.close()
            raise
        watch.lap("set-up")
        made.steps = watch.steps
        return made

    def _run(self, statement: str) -> None:
        with self.cursor() as cursor:
            cursor.execute(statement)

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
        kind: type[Cursor] | None = Cursor
        if not buffered or dictionary or named_tuple:
            from .streams import KINDS  # SQLAlchemy needs them for streams only

            kind = KINDS.get((not buffered, bool(dictionary), bool(named_tuple)))
        if kind is None:
            raise ProgrammingError("a cursor's rows are dicts or named tuples: give dictionary=True or named_tuple=True, not both")
        return kind(self, commands, self.transaction, raw, read_timeout, write_timeout)

    def helped_by(self, limit_name: str, ask: Callable[[str], int | None], end: Callable[[str, int, int, bytes], str] | None) -> None:
        """Take what the setting `max_allowed_packet` is called, what asks a server for its own, and what ends a session (`given_up.GivenUp`)."""
        commands = self._commands
        self.server_address, port = commands.stream.ends
        commands.stream.limit_name, commands.packet_limit = limit_name, partial(ask, self.server_address)
        commands.end_session = None if end is None else partial(end, self.server_address, port, self.connection_id)

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

    def limit(self, limit: Limit | None) -> None:
        """Let all waits end at `limit`, with None again at the nearest deadline. Raises OperationalError 2006 where the connection is closed."""
        self._commands.limit(limit)

    def variables(self, *expressions: str) -> tuple[Any, ...]:
        """Return the values of expressions over system variables, such as `@@session.sql_mode`.

        They touch no table, so the session is as clean afterwards as before.
        """
        return self._commands.variables(*expressions)

    # -- the session ---------------------------------------------------------------------------------------------------------

    @property
    def autocommit(self) -> bool:
        """Whether each statement commits itself, as the server's last answer says."""
        return self.session.autocommit

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        self.session.set_autocommit(value)

    @property
    def isolation_variable(self) -> str:
        """The name of the isolation level's variable on this server."""
        return self.session.isolation_variable

    def set_isolation_level(self, level: str) -> None:
        """Set the session's isolation level, or AUTOCOMMIT, with one command at most; an open transaction is committed, as stock does."""
        self.session.set_isolation_level(level)
        if level != "AUTOCOMMIT":
            self.commit()

    def starts_with(self, level: str) -> bool:
        """Return whether the session, in which nothing has run yet, is at this isolation level (or AUTOCOMMIT) already."""
        return self.session.starts_with(level)

    def reset(self) -> None:
        """Let the server forget the session's state, and set it up as it was when the connection was made."""
        self.session.reset()

    def keep_session(self) -> None:
        """Take the session as it is now for what `restore()` brings back."""
        self.session.keep()
        self.session_kept = True

    def restore(self) -> bool:
        """Bring the session back to what it was, where statements can have changed it. Return False where only a new connection can."""
        if self._commands.closed or not self.session.restore():
            return False
        pressure = self.pressure
        if pressure is not None and pressure.due():
            pressure.take(self._commands.flight(*(QUERY + question for question in pressure.questions)))
        return True

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
            self.transaction.commit()

    def rollback(self) -> None:
        """Roll back; no round trip where there is nothing to roll back.

        The server rolls a lost connection's transaction back by itself, so its loss is no error here, before this or during it: an error
        would only hide the one that the user has to see. Raises OperationalError on a connection that its owner closed.
        """
        commands = self._commands
        if commands.closed and not commands.lost:
            raise closed_error()
        if commands.ready is None:
            commands.discard()
        if commands.closed or not self.transaction.open:
            return
        try:
            pressure = self.pressure
            if pressure is None or not pressure.due():
                commands.exchange(_ROLLBACK, part=deadlines.CLEANING)
            else:
                pressure.take(commands.flight(_ROLLBACK, *(QUERY + question for question in pressure.questions))[1:])
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
        self._commands.ping(deadlines.usual() * _PING)

    def usable(self, idle_gap: float, until: float = math.inf) -> bool:
        """Return whether it can be used: by what the socket shows; idle for over `idle_gap` seconds, and not past `until` (Unix time), by a ping."""
        commands = self._commands
        if not commands.quiet() and commands.at_end():
            commands.life.ended(LOST)
            return False
        # The wall clock: over a freeze of the environment the monotonic one can stand still.
        now = time.time()
        if abs(now - commands.last_used) >= idle_gap and now <= until:
            try:
                commands.ping(deadlines.usual() * _PING)
            except Error:
                return False
        return True

    def close(self) -> None:
        """Say goodbye and close the socket; a server that is gone is no error."""
        self._commands.life.ended(CLOSED)
        self._commands.quit()
