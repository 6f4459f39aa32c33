"""The answers: each read so that it is never taken for another's, and what they tell of the session.

A failure in the middle of an answer, a time-out, a lost peer, bytes that can't be read or an exception out of a signal's handler, closes
the connection: the rest of that answer could otherwise be taken for the next one's.
"""

from __future__ import annotations

import weakref
from typing import Any, Final

from mysql.connector.errors import Error, ProgrammingError

from .. import deadlines
from . import too_large
from .byte_stream import closed_error
from .columns import parse_column
from .connection_state import MORE_RESULTS, ConnectionState, logger
from .error_numbers import PACKET_TOO_LARGE, SERVER_CLOSES
from .packets import ERR, PacketStream
from .payload import malformed
from .responses import Ok, parse_column_count, parse_end, parse_ok
from .result_sets import ResultSet
from .rows import Converters
from .statements import Template

_OK: Final = 0x00
_LOCAL_INFILE: Final = 0xFB

DISCARDED_BYTES: Final = 1024 * 1024
"""Bytes of rows that are read to keep a connection whose stream was left early. More would cost more CPU than a new connection, which
takes some 1 ms (tests/bench)."""
_DROPPED_AT_ONCE: Final = 100
"""Rows in memory at once while rows are dropped."""

Whole = tuple[ResultSet, list[Any], int]
"""A result that has been read whole: columns, rows, number of warnings."""


class Answers(ConnectionState):
    """Sends commands and reads what they are answered with."""

    def exchange(
        self,
        payload: bytes,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
        template: Template | None = None,
        whole: bool = False,
        part: float = 1.0,
    ) -> Any:
        """Send a command and return the start of its answer, with `whole` all of it, where that is known. `part`: see `Waiting.part`.

        Raises the server's refusal.
        """
        result_set = template.result_set if whole and template is not None else None
        known = None if result_set is None else result_set.known
        came = self._usual(payload, known, deadlines.unchanged, part) if read_timeout is None else None
        if came is None:
            came = self._begin_exchange(payload, known, read_timeout, part)
        if type(came) is not tuple:
            return self._answer_to(self.stream, payload, came, read_timeout, write_timeout, template, part)
        return tuple.__new__(Ok, came) if known is None else (result_set, came[0], came[2])

    def _begin(self, part: float = 1.0) -> PacketStream:
        """Return the stream for a new command, whose time begins, with all answers before it read to their end.

        `part`: see `Waiting.part`.
        """
        stream = self._stream
        if stream is None:
            raise closed_error()
        if self._answering or self._rows_follow or self.status & MORE_RESULTS:
            self._come_into_step()
        stream.waiting.begin(part)
        self.ready = None
        return stream

    def _begin_exchange(self, payload: bytes, known: Any, read_timeout: float | None, part: float) -> Any:
        """Begin a new command, and exchange it in C where that can be done: see _compiled_exchange.c, usual()."""
        limits = deadlines.unchanged  # before they are looked at: another thread can begin an invocation meanwhile
        stream = self._begin(part)
        calls = stream.calls()
        if calls is None:
            return None
        if limits is None or read_timeout is not None:
            limits = object()  # the time-out of this command suits no other
        self._until = stream.keep_timeout(read_timeout or self.read_timeout)
        self.ready, self._limits, self._part, self._began = calls, limits, part, stream.waiting.began
        return self._usual(payload, known, limits, part)

    def _answer_to(
        self,
        stream: PacketStream,
        payload: bytes | None,
        came: Any,
        read_timeout: float | None,
        write_timeout: float | None = None,
        template: Template | None = None,
        part: float = 1.0,
    ) -> Any:
        """Do in Python what is left of an exchange: send the command (None: nothing, an answer follows already), and read the start of its answer.

        `came` is what was done of it in C, None for nothing.
        """
        sent = payload is None or (came is not None and self._sent_whole)
        try:
            if payload is None:
                self._answering = True
                stream.waiting.renew()
            elif came is None:
                self._answering, self._sent = True, (payload, self.status, self.status_known)
                self.ready = None
                self.commands += 1
                stream.send_command(payload, write_timeout or self.write_timeout)
            else:
                stream.waiting.resume(part, self._began)
                stream.go_on(payload, came, sent, read_timeout or self.read_timeout)
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

    def _come_into_step(self) -> None:
        if self._answering:
            self._interrupted()
        if self._rows_follow and self._reader is not None and self._reader() is not None:
            raise ProgrammingError(
                "the rows of a streamed result are still being read on this connection: read them to the end or close that cursor (or "
                "result) first, read the result without streaming, or use a second connection"
            )
        self._catch_up()

    def _catch_up(self) -> None:
        """Read what nobody has read. An error in it is raised: it can have ended the transaction, and a COMMIT would pass over that."""
        try:
            self.drain()
        except Error as error:
            error.add_note("A statement before has ended so, behind what was read of its answer. The new statement was not sent.")
            raise

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
        result_set = ResultSet(columns)
        if template is not None:
            result_set.keep(described)
            template.result_set = result_set
        return self._columns_end(stream, timeout) or result_set

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
        if warnings is not None and not self.status & MORE_RESULTS:
            self._sent = None  # it can be large
        return payloads, warnings

    def next_result(self, read_timeout: float | None = None) -> Ok | ResultSet | None:
        """Return the start of the next result of a statement with several, None after the last."""
        if self._rows_follow:
            self._drop_rows()
        if not self.more_results:
            return None
        answer: Ok | ResultSet = self._answer_to(self.stream, None, None, read_timeout)
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
