"""The command phase: one command after the other, each answer read so that it is never taken for another's.

A failure in the middle of an answer, a time-out, a lost peer, bytes that can't be read or an exception out of a signal's handler, closes
the connection: the rest of that answer could otherwise be taken for the next one's.
"""

from __future__ import annotations

import logging
import time
import weakref
from typing import Any, Final, NamedTuple, NoReturn

from mysql.connector.errors import Error, OperationalError, ProgrammingError

from ..errors import ProtocolError
from . import rows
from .columns import Column, parse_column
from .error_numbers import MALFORMED_PACKET, SERVER_LOST
from .packets import ERR, PacketStream, closed_error
from .payload import malformed
from .responses import End, Ok, parse_column_count, parse_end, parse_error, parse_ok

IN_TRANSACTION: Final = 0x0001
AUTOCOMMIT: Final = 0x0002
MORE_RESULTS: Final = 0x0008
"""Bits of the status that ends each answer (MySQL's protocol documentation, SERVER_STATUS_flags_enum)."""

QUIT: Final = b"\x01"
QUERY: Final = b"\x03"
PING: Final = b"\x0e"
RESET_CONNECTION: Final = b"\x1f"

_OK: Final = 0x00
_LOCAL_INFILE: Final = 0xFB

DISCARDED_BYTES: Final = 1024 * 1024
"""Bytes of rows that are read to keep a connection whose stream was left early. More would cost more CPU than a new connection, which
takes some 1 ms (tests/bench)."""
_DROPPED_AT_ONCE: Final = 100
"""Rows in memory at once while rows are dropped."""

logger: Final = logging.getLogger("rdspool")


class ResultSet(NamedTuple):
    """The columns of a result whose rows follow."""

    columns: list[Column]


class CommandPhase:
    """A signed-in connection to the server: sends commands, reads their answers, knows how the session stands."""

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
        self._answering = False
        """Whether an answer is being read. A command that finds it set knows that something interrupted that."""
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

    # -- commands ------------------------------------------------------------------------------------------------------------

    def query(self, statement: bytes, read_timeout: float | None = None, write_timeout: float | None = None) -> Ok | ResultSet:
        """Send a statement and return the start of its answer: what it did, or the columns of its rows.

        Raises the server's refusal; for a lost connection OperationalError, for an unreadable answer ProtocolError.
        """
        answer: Ok | ResultSet = self._command(QUERY + statement, read_timeout, write_timeout)
        return answer

    def _command(self, payload: bytes, read_timeout: float | None = None, write_timeout: float | None = None) -> Any:
        stream = self._in_step()
        self.commands += 1
        return self._exchange(stream, payload, read_timeout, write_timeout)

    def _exchange(self, stream: PacketStream, payload: bytes | None, read_timeout: float | None, write_timeout: float | None = None) -> Any:
        """Send a command (None: nothing, an answer follows already) and return the start of its answer. Raises the server's refusal."""
        self._answering = True
        try:
            if payload is not None:
                stream.send_command(payload, write_timeout or self.write_timeout)
            answer = self._answer(stream, read_timeout or self.read_timeout)
        except BaseException:
            self.abandon()
            raise
        self._answering = False
        if isinstance(answer, Error):
            raise answer
        return answer

    def _in_step(self) -> PacketStream:
        """Return the stream for a new command, with all answers before it read to their end."""
        stream = self._stream
        if stream is None:
            raise closed_error()
        if self._answering:
            self._interrupted()
        if self._rows_follow:
            if self._reader is not None and self._reader() is not None:
                raise ProgrammingError(
                    "the rows of a streamed result are still being read on this connection: read them to the end or close that cursor (or "
                    "result) first, read the result without streaming, or use a second connection"
                )
            self._catch_up()
        elif self.status & MORE_RESULTS:
            self._catch_up()
        return stream

    def _catch_up(self) -> None:
        """Read what nobody has read. An error in it is raised: it can have ended the transaction, and a COMMIT would pass over that."""
        try:
            self.drain()
        except Error as error:
            error.add_note("A statement before has ended so, behind what was read of its answer. The new statement was not sent.")
            raise

    def _interrupted(self) -> NoReturn:
        self.abandon()
        raise OperationalError("Lost connection to MySQL server: the answer before was interrupted while it was read", errno=SERVER_LOST)

    def ping(self, timeout: float) -> None:
        """Ask the server for a sign of life, for `timeout` seconds at most. Raises OperationalError."""
        self._uncounted(PING, timeout)

    def reset(self) -> None:
        """Let the server forget the session's state: transaction, variables, temporary tables, locks."""
        self._command(RESET_CONNECTION)

    def set_variables(self, assignments: list[str]) -> None:
        """SET session variables. It touches no table, so it is not counted."""
        self._uncounted(QUERY + f"SET {', '.join(assignments)}".encode())

    def variables(self, *expressions: str) -> tuple[Any, ...]:
        """Return the values of expressions over system or user variables, such as `@@session.sql_mode`. They touch no table."""
        answer = self._uncounted(QUERY + f"SELECT {', '.join(expressions)}".encode())
        found: list[Any] = []
        try:
            if isinstance(answer, ResultSet):
                found = list(self.rows(None)[0])
                rows.read(found, answer.columns, rows.converters(answer.columns))
            if len(found) != 1 or len(found[0]) != len(expressions):
                asked = ", ".join(expressions)
                raise ProtocolError(f"the server did not answer SELECT {asked} with one row of {len(expressions)} values", MALFORMED_PACKET)
        except ProtocolError:
            self.abandon()
            raise
        return tuple(found[0])

    def _uncounted(self, payload: bytes, timeout: float | None = None) -> Any:
        before = self.commands
        answer = self._command(payload, timeout, timeout)
        self.commands = before
        return answer

    def quit(self) -> None:
        """Say goodbye and close. A server that is gone is no error."""
        stream = self._stream
        try:
            if stream is not None and not self._answering and not self._rows_follow:
                stream.send_command(QUIT)
        except Error:
            pass  # it is closed either way
        finally:
            self.abandon()
            self.lost = False

    # -- answers -------------------------------------------------------------------------------------------------------------

    def _answer(self, stream: PacketStream, timeout: float | None) -> Ok | ResultSet | Error:
        """Return the start of an answer; a refusal as an exception that is not raised, for what is raised closes the connection."""
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
        count = parse_column_count(payload)
        columns = [parse_column(stream.receive(timeout)) for _ in range(count)]
        payload = stream.receive(timeout)
        if payload[:1] == b"\xff":
            return self._refused(payload)
        if payload[:1] != b"\xfe":
            raise malformed("the end of a result's columns", payload, "it is no EOF packet")
        self.status, self.status_known = parse_end(payload).status & ~MORE_RESULTS, True
        self._rows_follow = True
        return ResultSet(columns)

    def rows(self, most: int | None, read_timeout: float | None = None) -> tuple[list[bytes], End | None]:
        """Return the payloads of the rows that follow, `most` of them (None: all), and what ended them where it was reached.

        Raises the server's error where that ends the rows.
        """
        stream = self.stream
        if self._answering:
            self._interrupted()
        self._answering = True
        try:
            payloads, last = stream.receive_rows(most, read_timeout or self.read_timeout)
            end: Any = None
            if last is not None:
                self._rows_follow, self._reader = False, None
                end = self._refused(last) if last[0] == ERR else parse_end(last)
                if isinstance(end, End):
                    self._take_status(end.status)
        except BaseException:
            self.abandon()
            raise
        self._answering = False
        if isinstance(end, Error):
            raise end
        return payloads, end

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
            payloads, end = self.rows(_DROPPED_AT_ONCE)
            if end is not None:
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
            self.lost = True
            stream.close()
