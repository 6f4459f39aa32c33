"""The answers: each read so that it is never taken for another's, and what they tell of the session.

A failure in the middle of an answer, a time-out, a lost peer, bytes that can't be read or an exception out of a signal's handler, closes
the connection: the rest of that answer could otherwise be taken for the next one's.
"""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable
from typing import Any, Final, NoReturn

from mysql.connector.errors import Error, OperationalError

from ..errors import OutcomeUnknownError, StatementTimeoutError
from . import effects, too_large
from .byte_stream import closed_error
from .columns import parse_column
from .error_numbers import PACKET_TOO_LARGE, SERVER_CLOSES, SERVER_LOST
from .lives import LOST, Life
from .packets import ERR, PacketStream
from .payload import malformed
from .responses import Ok, parse_column_count, parse_end, parse_error, parse_ok
from .result_sets import ResultSet
from .rows import Converters
from .statements import Template

IN_TRANSACTION: Final = 0x0001
AUTOCOMMIT: Final = 0x0002
MORE_RESULTS: Final = 0x0008
STATE_CHANGED: Final = 0x4000
"""Bits of the status that ends each answer (MySQL's protocol documentation, SERVER_STATUS_flags_enum)."""

QUERY: Final = b"\x03"
"""The command that carries a statement."""

_COMMIT: Final = QUERY + b"COMMIT"
_OK: Final = 0x00
_LOCAL_INFILE: Final = 0xFB

DISCARDED_BYTES: Final = 1024 * 1024
"""Bytes of rows that are read to keep a connection whose stream was left early. More would cost more CPU than a new connection, which
takes some 1 ms (tests/bench)."""
_DROPPED_AT_ONCE: Final = 100
"""Rows in memory at once while rows are dropped."""

logger: Final = logging.getLogger("rdspool")


class Answers:
    """A signed-in connection to the server: what is sent to it is answered, and the answers say how the session stands."""

    def __init__(self, stream: PacketStream, status: int) -> None:
        """Take the stream after the sign-in, and the status of the OK packet that ended it."""
        self._stream: PacketStream | None = stream
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
        self.read_timeout: float | None = None
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
        self._rows_follow = False
        self._reader: weakref.ref[Any] | None = None
        """The cursor that reads the rows that follow, where it reads them one by one."""

    @property
    def closed(self) -> bool:
        """Whether there is no connection any more."""
        return self._stream is None

    @property
    def stream(self) -> PacketStream:
        """The packets. Raises OperationalError 2006 where the connection is closed."""
        if self._stream is None:
            raise closed_error()
        return self._stream

    @property
    def more_results(self) -> bool:
        """Whether another result follows the one that was read."""
        return bool(self.status & MORE_RESULTS) and self.status_known

    def _exchange(
        self,
        stream: PacketStream,
        payload: bytes | None,
        read_timeout: float | None,
        write_timeout: float | None = None,
        template: Template | None = None,
    ) -> Any:
        """Send a command (None: nothing, an answer follows already) and return the start of its answer. Raises the server's refusal."""
        self._answering = True
        sent = False
        try:
            if payload is None:
                stream.waiting.renew()
            else:
                self._sent = payload, self.status, self.status_known
                stream.send_command(payload, write_timeout or self.write_timeout)
            sent = True
            answer = self._answer(stream, read_timeout or self.read_timeout, template)
        except BaseException as error:
            self.abandon()
            if isinstance(error, Error) and payload is not None:
                too_large.check(error, payload, self.packet_limit)
            self._give_up(error, sent=sent)
            raise
        self._answering = False
        if type(answer) is Ok:
            if not self.status & MORE_RESULTS:
                self._sent = None  # it can be large
        elif isinstance(answer, Error):
            if answer.errno == PACKET_TOO_LARGE and payload is not None:
                self.abandon()
                too_large.check(answer, payload, self.packet_limit)
            if answer.errno in SERVER_CLOSES:
                self._give_up(answer, sent=True)
            raise answer
        return answer

    def _give_up(self, error: BaseException, *, sent: bool) -> None:
        """Do what is left to do after a statement without a whole answer. Raises OutcomeUnknownError where it can have been committed."""
        if not sent or not isinstance(error, Error) or self._sent is None or self._sent[0][:1] != QUERY:
            return
        payload, status, known = self._sent
        if isinstance(error, StatementTimeoutError) and self.end_session is not None and payload != _COMMIT:
            error.add_note(self.end_session(payload[1:]))
        if _can_commit(effects.of(payload[1:]), status, known=known):
            effects.note_commit()
            raise OutcomeUnknownError(error) from error

    def can_commit(self, can: int) -> bool:
        """Return whether a statement that is sent now can commit something. `can` is what it can do, as flags of `effects`."""
        return _can_commit(can, self.status, known=self.status_known)

    def _interrupted(self) -> NoReturn:
        self.abandon()
        raise OperationalError("Lost connection to MySQL server: the answer before was interrupted while it was read", errno=SERVER_LOST)

    # -- answers -------------------------------------------------------------------------------------------------------------

    def _answer(self, stream: PacketStream, timeout: float | None, template: Template | None = None) -> Ok | ResultSet | Error:
        """Return the start of an answer; a refusal as an exception that is not raised, for what is raised closes the connection.

        The columns that a result has are kept with the statement's `template`.
        """
        known = None if template is None else template.result_set
        if known is not None and stream.skip(known.header, known.next_number, timeout):
            return self._columns_end(stream, timeout) or known
        payload = stream.receive(timeout)
        first = payload[0] if payload else -1
        if first == _OK:
            ok = parse_ok(payload)
            self._take_status(ok.status)
            return ok
        if first == ERR:
            return self._refused(payload)
        if first == _LOCAL_INFILE:
            raise malformed("an answer", payload, "it asks for a file of this machine, which rdspool never offers")
        if first < 0:
            raise malformed("an answer", payload, "it is empty")
        described, columns = [payload], []
        for _ in range(parse_column_count(payload)):
            described.append(stream.receive(timeout))
            columns.append(parse_column(described[-1]))
        found = ResultSet(columns)
        if template is not None:
            found.keep(described)
            template.result_set = found
        return self._columns_end(stream, timeout) or found

    def _columns_end(self, stream: PacketStream, timeout: float | None) -> Error | None:
        """Read what stands between the columns and the rows, and return the error that can come there."""
        if stream.ok_ends_rows:
            # Whether a transaction is open is known at the end of the rows.
            self.status &= ~MORE_RESULTS
            self.status_known = False
        else:
            end = stream.receive(timeout)
            if end[:1] == b"\xff":
                return self._refused(end)
            if end[:1] != b"\xfe":
                raise malformed("the end of a result's columns", end, "it is no EOF packet")
            self.status, self.status_known = parse_end(end).status & ~MORE_RESULTS, True
        self._rows_follow = True
        return None

    def rows(self, most: int | None, read_timeout: float | None = None, convert: Converters | None = None) -> tuple[list[Any], int | None]:
        """Return the rows that follow, `most` of them (None: all), and, where their end was reached, the number of warnings that it tells.

        They are payloads, of which `convert` lets some be read as they come (`PacketStream.receive_rows()`). Raises the server's error
        where that ends the rows.
        """
        stream = self.stream
        if self._answering:
            self._interrupted()
        self._answering = True
        if most is not None or self._reader is not None:  # else they follow their command at once
            stream.waiting.renew()
        try:
            payloads, last = stream.receive_rows(most, read_timeout or self.read_timeout, convert)
            warnings: int | None = None
            refused: Error | None = None
            if last is not None:
                self._rows_follow, self._reader = False, None
                if last[0] == ERR:
                    refused = self._refused(last)
                elif stream.ok_ends_rows:
                    _, _, status, warnings = parse_ok(last)
                    self._take_status(status)
                else:
                    warnings, status = parse_end(last)
                    self._take_status(status)
        except BaseException as error:
            self.abandon()
            self._give_up(error, sent=True)
            raise
        self._answering = False
        if refused is not None:
            raise refused
        return payloads, warnings

    def next_result(self, read_timeout: float | None = None) -> Ok | ResultSet | None:
        """Return the start of the next result of a statement with several, None after the last."""
        if self._rows_follow:
            self._drop_rows()
        if not self.more_results:
            return None
        answer: Ok | ResultSet = self._exchange(self.stream, None, read_timeout)
        return answer

    def drain(self) -> None:
        """Read the results that still follow: a procedure's, or those of several statements sent as one. Raises the error among them."""
        while self.next_result() is not None:
            pass

    def read_by(self, cursor: Any) -> None:
        """Note the cursor that reads the rows that follow one by one: while it lives, no other command takes them away."""
        self._reader = weakref.ref(cursor)

    def reads(self, cursor: Any) -> bool:
        """Return whether rows follow that are this cursor's."""
        return self._rows_follow and self._reader is not None and self._reader() is cursor

    def stop_reading(self) -> None:
        """Give up the rows that follow. The next command reads and drops them."""
        self._reader = None

    def _drop_rows(self, most_bytes: int | None = None) -> bool:
        """Read the rows that follow and drop them, some bytes of them (None: all). Return whether the end was reached."""
        total = 0
        while most_bytes is None or total < most_bytes:
            payloads, warnings = self.rows(_DROPPED_AT_ONCE)
            if warnings is not None:
                return True
            total += sum(map(len, payloads))
        return False

    def discard(self) -> None:
        """Come into step before a ROLLBACK, which makes all that follows worthless: read a little, or close the connection."""
        self._reader = None
        try:
            if self._answering or (self._rows_follow and not self._drop_rows(DISCARDED_BYTES)):
                self.abandon()
            elif self.status & MORE_RESULTS:
                self.drain()
        except Error as error:
            logger.warning("a result that was given up before a ROLLBACK ended in an error: %s", error)

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

    # -- the end -------------------------------------------------------------------------------------------------------------

    def at_end(self) -> bool:
        """Return whether the connection shows its end, or bytes that nobody asked for, without a round trip."""
        return self._stream is None or self._answering or self._stream.at_end()

    def abandon(self) -> None:
        """Close the socket at once, without a goodbye: nothing that could be read from it would be in step."""
        stream, self._stream = self._stream, None
        self._answering = self._rows_follow = False
        self._reader = None
        self.status = 0
        if stream is not None:
            self.life.ended(LOST)
            self.lost = True
            stream.close()


def _can_commit(can: int, status: int, *, known: bool) -> bool:
    return effects.can_commit(can, autocommit=bool(status & AUTOCOMMIT), in_transaction=bool(status & IN_TRANSACTION) if known else None)
