"""What a session's status tells without a round trip, and what can be left out because of it. Shared by both drivers."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING, Any, Final

from mysql.connector.abstracts import MySQLConnectionAbstract
from mysql.connector.constants import ClientFlag, SQLMode
from mysql.connector.errors import Error, IntegrityError, NotSupportedError

from . import attributes
from .errors import SettingsError

IN_TRANSACTION: Final = 0x0001
AUTOCOMMIT: Final = 0x0002
NO_BACKSLASH_ESCAPES: Final = 0x0200
"""Bits of the status that ends each answer (MySQL's protocol documentation, SERVER_STATUS_flags_enum)."""


PING_TIMEOUT: Final = 1.0
"""Seconds: a server in reach answers in a few milliseconds, and giving one up that is slow costs a reconnect, no more."""

CHARSET: Final = "utf8mb4"
COLLATION: Final = "utf8mb4_general_ci"
"""Known to every MySQL and MariaDB; MySQL 8's own default, utf8mb4_0900_ai_ci, is refused by MariaDB."""


CHECK_VIOLATED: Final = 3819

_PLAIN: Final = {"time_zone": r"[\w+:/-]*", "sql_mode": r"[A-Za-z_0-9, ]*"}

_OWN_OPTIONS: Final = frozenset({"host", "port", "user", "database", "connection_timeout", "buffered", "autocommit"})

_SET_TRANSACTION: Final = re.compile(rb"SET\s+TRANSACTION\b", re.IGNORECASE)

logger: Final = logging.getLogger("rdspool")


def refusal(error: Any) -> Error:
    """Return a server's refusal as the class that PEP 249 has for it: a violated CHECK comes without a state that tells."""
    if error.errno == CHECK_VIOLATED and not isinstance(error, IntegrityError):
        return IntegrityError(error.msg, error.errno, sqlstate=error.sqlstate)
    told: Error = error
    return told


class Status(MySQLConnectionAbstract):
    """A connection that knows from the server's last answer how it stands.

    The driver keeps `_status`, clears `untouched` and `_clean` with each command, and sets `last_used` with each answer.
    """

    _handshake: Any
    _server_version: Any
    converter: Any
    _status: int
    _clean = True
    """Whether nothing has run since the last transaction's end."""
    _known = True
    """Whether the status is of the last answer: a refusal carries none."""
    _one_shot = False
    """Whether SET TRANSACTION has set what the next transaction shall be: only that one's end takes it away."""
    _isolation_level: str | None = None
    untouched = False
    """Whether nothing has run since the session was set up, so that it still is what the settings ask for."""
    last_used = 0.0
    """Unix time in seconds of the last answer from the server."""

    _wait_timeout: int | None = None
    _names: tuple[str, str | None] = (CHARSET, COLLATION)
    _collation_asked_for = False

    def _take(self, wait_timeout: int | None, options: dict[str, Any]) -> None:
        """Take the options that the connection is made with; those that the connector knows go to it."""
        self._wait_timeout = wait_timeout
        self._isolation_level = options.pop("isolation_level", None)
        charset, collation = options.pop("charset", None), options.pop("collation", None)
        self._collation_asked_for = collation is not None
        if charset is None and collation is None:
            self._names = (CHARSET, COLLATION)
        else:
            self._names = (charset, collation or (COLLATION if charset == CHARSET else None))
        if isinstance(options.get("sql_mode"), (list, tuple)):
            options["sql_mode"] = ",".join(options["sql_mode"])
        for name, allowed in _PLAIN.items():
            if not re.fullmatch(allowed, options.get(name) or ""):
                raise SettingsError(f"{name}={options[name]!r} has characters that none has: it is put into a SET statement as it is")
        try:
            if options.keys() <= _OWN_OPTIONS:
                # What get_engine() gives needs none of the connector's reading of option files and checks: 0.1 ms of each reconnect.
                for name, value in options.items():
                    setattr(self, f"_{name}", value)
                self._auth_plugin = ""
                self._add_default_conn_attrs()
            else:
                self.config(**options)
        except AttributeError as error:  # the connector's way to say that an argument is not one of its own
            raise SettingsError(f"mysql-connector-python refuses an option: {error}") from None
        self.client_flags = [ClientFlag.FOUND_ROWS, ClientFlag.PLUGIN_AUTH_LENENC_CLIENT_DATA, -ClientFlag.COMPRESS]

    def _add_default_conn_attrs(self) -> None:
        self._conn_attrs = {**attributes.machine(), **attributes.function(), **self._conn_attrs}

    def _session_start(self) -> str:
        """Return the one statement that sets the session up: names, autocommit, idle limit and what else the settings ask for."""
        _, charset, collation = self._character_set.get_charset_info(self._charset_id)
        # Without COLLATE the server takes its own default, that of most tables: with another one, MySQL 8 and later refuse a UNION
        # of a column and a CAST to CHAR ("Illegal mix of collations").
        names = f"NAMES '{charset}' COLLATE '{collation}'" if self._collation_asked_for else f"NAMES '{charset}'"
        assigned = [names, f"@@session.autocommit = {int(self._autocommit)}"]
        if self._wait_timeout is not None:
            assigned.append(f"@@session.wait_timeout = {self._wait_timeout:d}")
        if self._isolation_level is not None:
            assigned.append(f"@@session.{self.isolation_variable} = '{self._isolation_level.replace(' ', '-')}'")
        if self._time_zone:
            assigned.append(f"@@session.time_zone = '{self._time_zone}'")
        if self._sql_mode:
            assigned.append(f"@@session.sql_mode = '{self._sql_mode}'")
        return f"SET {', '.join(assigned)}"

    @property
    def closed(self) -> bool:
        """Whether it can't be used any more: closed by its owner, or given up after a loss."""
        raise NotImplementedError

    if TYPE_CHECKING:

        def handle_unread_result(self, prepared: bool = False) -> None: ...

        def open(self) -> None: ...

    def _drop_unread(self) -> None:
        """Read to its end what the last statement left unread."""
        raise NotImplementedError

    def _drain(self) -> None:
        """Read the results that still follow: a procedure's, or those of several statements sent as one."""
        raise NotImplementedError

    def _drain_quietly(self) -> None:
        try:
            self._drain()
        except Error as error:
            if self.closed:
                raise
            logger.warning("a result of the statement before was an error, and nobody had asked for it: %s", error)

    def _gone(self) -> bool:
        """Return whether the connection shows its end without a round trip."""
        return self.closed

    def _ping(self) -> bool:
        """Return whether the server answers within `PING_TIMEOUT`."""
        raise NotImplementedError

    @property
    def autocommit(self) -> bool:
        """Whether each statement commits itself."""
        return bool(self._status & AUTOCOMMIT)

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        if self.closed:
            self._autocommit = value
        elif bool(self._status & AUTOCOMMIT) != value:
            self._assign(f"@@session.autocommit = {int(value)}")
            self._autocommit = value

    def _assign(self, *assignments: str) -> None:
        """SET session variables, which touches no table: the session is as clean afterwards as before."""
        before = self._clean
        self.cmd_query(f"SET {', '.join(assignments)}")
        self._clean = before

    def set_isolation_level(self, level: str) -> None:
        """Set the session's isolation level, or AUTOCOMMIT, with one command at most; an open transaction is committed, as stock does."""
        if level == "AUTOCOMMIT":
            self.autocommit = True
            return
        assignments = [f"@@session.{self.isolation_variable} = '{level.replace(' ', '-')}'"]
        if self.autocommit:
            assignments.insert(0, "@@session.autocommit = 0")
            self._autocommit = False
        self._assign(*assignments)
        self.commit()

    def starts_with(self, level: str) -> bool:
        """Return whether the session, in which nothing has run yet, is at this isolation level (or AUTOCOMMIT) already."""
        if not self.untouched:
            return False
        if level == "AUTOCOMMIT":
            return self.autocommit
        return not self.autocommit and level == self._isolation_level

    @property
    def no_backslash_escapes(self) -> bool:
        """Whether a backslash in a literal is just that, as under sql_mode NO_BACKSLASH_ESCAPES."""
        return bool(self._status & NO_BACKSLASH_ESCAPES)

    @property
    def sql_mode(self) -> str:
        """What of the session's SQL mode decides how values are escaped, as the server's last answer tells.

        The connector asks once and keeps the answer over later changes, which then let a value end its own quotes.
        """
        return SQLMode.NO_BACKSLASH_ESCAPES if self.no_backslash_escapes else self._sql_mode or ""

    @sql_mode.setter
    def sql_mode(self, value: Any) -> None:
        text = value if isinstance(value, str) else ",".join(value)
        self._assign(f"@@session.sql_mode = '{text}'")
        self._sql_mode = text

    def connect(self, **options: Any) -> None:
        """Open anew, after `close()` or a loss, with the options given at first; new ones are refused."""
        if options:
            raise NotSupportedError("rdspool's connection takes its options when it is made: make another one")
        self.close()
        self.open()

    def cmd_change_user(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: the connector's own would log the password."""
        raise NotSupportedError("rdspool's connection keeps its user: make another connection for another user")

    def reconnect(self, attempts: int = 1, delay: int = 0) -> None:
        """Refused: the token may have ended, and the pool makes a new connection."""
        raise NotSupportedError("rdspool's connection does not reconnect by itself: the pool makes a new one")

    @property
    def version_text(self) -> str:
        """The server's version as it greets with it, for example `8.4.3` or `10.11.19-MariaDB`."""
        text: str = self._handshake["server_version_original"] if self._handshake else ""
        # MariaDB before 11 hides its version behind one that old replicas accept.
        return text.removeprefix("5.5.5-") if "MariaDB" in text else text

    @property
    def isolation_variable(self) -> str:
        """The name of the isolation level's variable: MariaDB has MySQL's name only from 11.1 on, MySQL its own since 5.7.20."""
        old = self._server_version < ((11, 1, 0) if "MariaDB" in self.version_text else (5, 7, 20))
        return "tx_isolation" if old else "transaction_isolation"

    def variables(self, *names: str) -> tuple[Any, ...]:
        """Return values of expressions over system variables, such as `@@session.sql_mode`.

        They touch no table, so the session is as clean afterwards as before.
        """
        before = self.untouched, self._clean
        cursor = self.cursor(buffered=True)
        cursor.execute(f"SELECT {', '.join(names)}")
        values = cursor.fetchone()
        cursor.close()
        self.untouched, self._clean = before
        return tuple(values or ())

    # -- transactions -----------------------------------------------------------------------------------------------------------

    @property
    def transaction_open(self) -> bool:
        """Whether a COMMIT or ROLLBACK can have any effect.

        The server's status flag alone does not tell: without autocommit a statement that fails, or that reads a table of a
        non-transactional engine, leaves the flag unset and yet holds the table's metadata lock until the transaction ends
        (seen on MySQL 9.7). A frozen environment would then block every ALTER TABLE. And a refusal tells no status at all: a
        procedure that failed can have begun a transaction.
        """
        if not self._known or self._one_shot or self._status & IN_TRANSACTION:
            return True
        return not (self._status & AUTOCOMMIT or self._clean)

    def _note_statement(self, statement: bytes) -> None:
        """Note what the status will not tell of a statement."""
        if statement[:3].upper() == b"SET" and _SET_TRANSACTION.match(statement):
            self._one_shot = True

    def commit(self) -> None:
        """Commit; no round trip where there is nothing to commit."""
        self.handle_unread_result()
        if self.transaction_open or self.closed:
            self.cmd_query("COMMIT")
            self._clean, self._one_shot = True, False

    def rollback(self) -> None:
        """Roll back; no round trip where there is nothing to roll back."""
        self._drop_unread()
        if self.transaction_open or self.closed:
            self.cmd_query("ROLLBACK")
            self._clean, self._one_shot = True, False

    # -- checks ------------------------------------------------------------------------------------------------------------

    def lost(self, idle_gap: float) -> bool:
        """Return whether a connection idle for longer than `idle_gap` seconds is gone: by what it shows, then by a ping."""
        # The wall clock: over a freeze of the environment the monotonic one can stand still.
        if self.closed:
            return True
        if abs(time.time() - self.last_used) < idle_gap:
            return False
        if self._gone() or not self._ping():
            return True
        self.last_used = time.time()
        return False
