"""What is known of a connection from its answers: how its session stands, which statement is not answered yet, and that it has ended."""

from __future__ import annotations

import logging
import math
import time
import weakref
from collections.abc import Callable
from typing import Any, Final, NoReturn

from mysql.connector.errors import Error, OperationalError

from ..deadlines import Limit
from ..errors import OutcomeUnknownError, StatementTimeoutError
from . import effects
from .byte_stream import closed_error
from .compiled import Exchange
from .error_numbers import SERVER_LOST
from .lives import LOST, Life
from .packets import PacketStream
from .responses import parse_error

IN_TRANSACTION: Final = 0x0001
AUTOCOMMIT: Final = 0x0002
MORE_RESULTS: Final = 0x0008
STATE_CHANGED: Final = 0x4000
"""Bits of the status that ends each answer (MySQL's protocol documentation, SERVER_STATUS_flags_enum)."""

QUERY: Final = b"\x03"
"""The command that carries a statement."""

COMMIT: Final = QUERY + b"COMMIT"

logger: Final = logging.getLogger("rdspool")


class ConnectionState(Exchange):
    """A signed-in connection to the server, as its answers have left it."""

    def __init__(self, stream: PacketStream, status: int) -> None:
        """Take the stream after the sign-in, and the status of the OK packet that ended it."""
        self._stream: PacketStream | None = stream
        self.closed = False
        """Whether there is no connection any more."""
        self.status = status
        """The status flags of the last answer that carried them."""
        self.status_known = True
        """Whether these flags are of the last answer: a refusal carries none."""
        self.commands = 0
        """Number of commands that were sent, but for those that change nothing."""
        self.last_used = time.time()
        """Unix time in seconds of the last answer."""
        self.lost = False
        """Whether the connection was given up after a failure, rather than closed by its owner."""
        self._read_timeout: float | None = None
        self.write_timeout: float | None = None
        self.life = Life()
        self.left_behind = 0
        """What statements can have left in the session, as flags of `effects`."""
        self.end_session: Callable[[bytes], str] | None = None
        """Ends what a statement that was given up does on the server, and says so; None: nothing can."""
        self.packet_limit: Callable[[], int | None] | None = None
        """Asks the server for its max_allowed_packet over another connection; None: nothing can."""
        self._answering = False
        """Whether an answer is being read. A command that finds it set knows that something interrupted that."""
        self._sent: tuple[bytes, int, bool] | None = None
        """The command whose answer is being read, and `status` and `status_known` as they were before it."""
        self._sent_whole = False
        """Whether the last command that was exchanged in C was sent, whole."""
        self.ready: Any = None
        """What an exchange in C takes (`PacketStream.calls()`); None: the last answer was read in Python, or not to its end."""
        self._limits: object = None
        """`deadlines.unchanged` as it was when the socket's time-out was set for an exchange in C: it suits as long as that is the same,"""
        self._part = 0.0
        """for a command with this part of the margin, or less of it (`Waiting.part`),"""
        self._until = math.inf
        """until then, in seconds of the monotonic clock."""
        self._began = 0.0
        """When the last exchange in C began, by the same clock; kept where there is a limit."""
        self._rows_follow = False
        self._reader: weakref.ref[Any] | None = None
        """The cursor that reads the rows that follow, where it reads them one by one."""

    @property
    def stream(self) -> PacketStream:
        """The packets. Raises OperationalError 2006 where the connection is closed."""
        if self._stream is None:
            raise closed_error()
        return self._stream

    @property
    def read_timeout(self) -> float | None:
        """Seconds that a statement waits for each part of its answer; None: for as long as it takes."""
        return self._read_timeout

    @read_timeout.setter
    def read_timeout(self, seconds: float | None) -> None:
        self._read_timeout, self.ready = seconds, None

    def limit(self, limit: Limit | None) -> None:
        """Let all waits end at `limit`, with None again at the nearest deadline. Raises OperationalError 2006 where the connection is closed."""
        self.stream.waiting.limit(limit)
        self.ready = None

    @property
    def more_results(self) -> bool:
        """Whether another result follows the one that was read."""
        return bool(self.status & MORE_RESULTS) and self.status_known

    def _give_up(self, error: BaseException, *, sent: bool) -> None:
        """Do what is left to do after a statement without a whole answer. Raises OutcomeUnknownError where it can have been committed."""
        if not sent or not isinstance(error, Error) or self._sent is None or self._sent[0][:1] != QUERY:
            return
        payload, status, known = self._sent
        if isinstance(error, StatementTimeoutError) and self.end_session is not None and payload != COMMIT:
            error.add_note(self.end_session(payload[1:]))
        if self.can_commit(effects.of(payload[1:]), (status, known)):
            effects.note_commit()
            raise OutcomeUnknownError(error) from error

    def can_commit(self, can: int, before: tuple[int, bool] | None = None) -> bool:
        """Return whether a statement that is sent now can commit something. `can` is what it can do, as flags of `effects`.

        `before`: `status` and `status_known` as they were when it was sent.
        """
        status, known = before or (self.status, self.status_known)
        in_transaction = bool(status & IN_TRANSACTION) if known else None
        return effects.can_commit(can, autocommit=bool(status & AUTOCOMMIT), in_transaction=in_transaction)

    def _interrupted(self) -> NoReturn:
        self.abandon()
        raise OperationalError("Lost connection to MySQL server: the answer before was interrupted while it was read", errno=SERVER_LOST)

    def _take_status(self, status: int) -> None:
        self.status = status
        if status & STATE_CHANGED:
            self.left_behind |= effects.LEAVES_STATE
        self.status_known = True
        self.last_used = time.time()

    def _refused(self, payload: bytes) -> Error:
        # An ERR packet carries no status: a procedure that failed can have left a transaction open.
        self.status &= ~MORE_RESULTS
        self.status_known = False
        self.last_used = time.time()
        return parse_error(payload)

    def at_end(self) -> bool:
        """Return whether the connection shows its end, or bytes that nobody asked for, without a round trip."""
        return self._stream is None or self._answering or self._stream.at_end()

    def abandon(self) -> None:
        """Close the socket at once, without a goodbye: nothing that could be read from it would be in step."""
        stream, self._stream, self.closed = self._stream, None, True
        self._answering = self._rows_follow = False
        self._reader = self.ready = None
        self.status = 0
        if stream is not None:
            self.life.ended(LOST)
            self.lost = True
            stream.close()
