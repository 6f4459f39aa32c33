"""The command phase: one command after the other, none before the answer to the one before was read to its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mysql.connector.errors import Error, OperationalError

from .. import deadlines
from ..errors import ProtocolError
from . import rows
from .answers import Answers
from .connection_state import QUERY
from .error_numbers import MALFORMED_PACKET, SERVER_LOST
from .result_sets import ResultSet
from .statements import Template

QUIT: Final = b"\x01"
PING: Final = b"\x0e"
RESET_CONNECTION: Final = b"\x1f"

PATIENCE: Final = 0.5
"""Seconds within which a peer's kernel acknowledges what is sent: some milliseconds, and one packet sent again."""


class CommandPhase(Answers):
    """Sends commands to a server and reads their answers."""

    def query(
        self,
        statement: bytes,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
        template: Template | None = None,
        whole: bool = False,
    ) -> Any:
        """Send a statement and return the start of its answer: what it did, or the columns of its rows, which `template` keeps.

        With `whole` it can be a `Whole`, which holds the rows too.

        Raises the server's refusal; for a lost connection OperationalError, for an unreadable answer ProtocolError.
        """
        return self.exchange(QUERY + statement, read_timeout, write_timeout, template, whole)

    def ping(self, seconds: float) -> None:
        """Ask the server for a sign of life, for `seconds` at most; a peer whose kernel does not even acknowledge the question gets less.

        Raises OperationalError.
        """
        stream = self._begin()  # not counted, for it changes nothing
        stream.waiting.limit(deadlines.within(seconds, "the time of a ping", stream.waiting.margin))
        self._answering = True
        try:
            stream.send_command(PING)
            if not stream.arrives_within(min(PATIENCE, stream.waiting.left())) and not stream.acknowledged():
                raise OperationalError(
                    f"Lost connection to MySQL server at {stream.address}: nothing acknowledges what is sent there", errno=SERVER_LOST
                )
            answer = self._answer(stream, None)
        except BaseException:
            self.abandon()
            raise
        finally:
            stream.waiting.limit(None)
        self._answering = False
        if isinstance(answer, Error):
            raise answer

    def flight(self, *payloads: bytes) -> list[list[Any]]:
        """Send several commands in one flight and return, for each, the values of its last row; an empty list where it has none.

        A refusal of the first is raised after all answers are read; those of the others are left out. It tidies up, so it may wait as
        ROLLBACK does.
        """
        stream = self._begin(deadlines.CLEANING)
        self.commands += 1
        found: list[list[Any]] = []
        refused: Error | None = None
        try:
            self._answering, self._sent = True, None
            stream.send_flight(payloads)
            for number in range(len(payloads)):
                if number:
                    stream.next_answer()
                answer = self._answer(stream, self.read_timeout)
                self._answering = False
                values: list[Any] = []
                if isinstance(answer, ResultSet):
                    payloads_of_rows, _ = self.rows(None)
                    if payloads_of_rows:
                        made = list(payloads_of_rows[-1:])
                        rows.read(made, answer.columns, answer.convert)
                        values = list(made[0])
                elif isinstance(answer, Error) and number == 0:
                    refused = answer
                found.append(values)
                self._answering = number + 1 < len(payloads)
        except BaseException:
            self.abandon()
            raise
        if refused is not None:
            raise refused
        return found

    def reset(self) -> None:
        """Let the server forget the session's state: transaction, variables, temporary tables, locks."""
        self.exchange(RESET_CONNECTION, part=deadlines.CLEANING)

    def set_variables(self, assignments: list[str]) -> None:
        """SET session variables. It touches no table, so it is not counted."""
        self._uncounted(QUERY + f"SET {', '.join(assignments)}".encode())

    def set_and_ask(self, assignments: list[str], expressions: Sequence[str]) -> list[Any] | None:
        """SET session variables and return the values of expressions, asked in the same flight; None where they are refused."""
        before = self.commands
        given = QUERY + f"SET {', '.join(assignments)}".encode(), QUERY + f"SELECT {', '.join(expressions)}".encode()
        values = self.flight(*given)[1]
        self.commands = before
        return values if len(values) == len(expressions) else None

    def variables(self, *expressions: str) -> tuple[Any, ...]:
        """Return the values of expressions over system or user variables, such as `@@session.sql_mode`. They touch no table."""
        answer = self._uncounted(QUERY + f"SELECT {', '.join(expressions)}".encode())
        found: list[Any] = []
        try:
            if isinstance(answer, ResultSet):
                found = list(self.rows(None)[0])
                rows.read(found, answer.columns, answer.convert)
            if len(found) != 1 or len(found[0]) != len(expressions):
                asked = ", ".join(expressions)
                raise ProtocolError(f"the server did not answer SELECT {asked} with one row of {len(expressions)} values", MALFORMED_PACKET)
        except ProtocolError:
            self.abandon()
            raise
        return tuple(found[0])

    def _uncounted(self, payload: bytes) -> Any:
        before = self.commands, self.left_behind
        answer = self.exchange(payload)
        self.commands, self.left_behind = before
        return answer

    def quit(self) -> None:
        """Say goodbye and close. A server that is gone is no error."""
        stream = self._stream
        try:
            if stream is not None and not self._answering and not self._rows_follow:
                stream.waiting.part = deadlines.CLEANING
                stream.waiting.renew()
                stream.send_command(QUIT)
        except Error:
            pass  # it is closed either way
        finally:
            self.abandon()
            self.lost = False
