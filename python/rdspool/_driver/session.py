"""The session: set up once, known at each return to the pool, brought back where statements can have changed it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .command_phase import CommandPhase
from .connection_state import AUTOCOMMIT
from .effects import OUTLASTS_RESET, PINS
from .lives import DIRTY
from .session_start import SessionStart
from .transactions import TransactionState


class Session:
    """What one connection's session was set up with, and how it is brought back to that."""

    def __init__(
        self, commands: CommandPhase, transaction: TransactionState, start: SessionStart, version: str, run: Callable[[str], None]
    ) -> None:
        """Take what the session starts with. `version` is the server's, as it greets with it; `run` runs a statement."""
        self._commands = commands
        self._transaction = transaction
        self._start = start
        self._run = run
        numbers = tuple(int(number) for number in re.findall(r"\d{1,9}", version.removeprefix("5.5.5-"))[:3])
        old = numbers < ((11, 1, 0) if "MariaDB" in version else (5, 7, 20))
        self.isolation_variable = "tx_isolation" if old else "transaction_isolation"
        """The name of the isolation level's variable: MariaDB has MySQL's name only from 11.1 on, MySQL its own since 5.7.20."""
        self._autocommit = start.autocommit
        self._set_up_at = -1
        """The number of commands that had been sent when it was set up; -1 where it was changed since."""
        self._other_level = False
        """Whether it may be at another isolation level than it was set up with."""
        self._personal = False
        """Whether somebody has added to it when it was new, as listeners to the pool's "connect" do: a reset would lose that."""

    def set_up(self, *expressions: str) -> list[Any] | None:
        """Set the new session up, with one SET and the init_command.

        Return the values of `expressions` over system variables, asked in the same flight; None where the server gave none.
        """
        commands = self._commands
        assignments = self._start.assignments(self.isolation_variable)
        values: list[Any] | None = None
        if expressions and not self._start.init_command:
            values = commands.set_and_ask(assignments, expressions)
        else:
            commands.set_variables(assignments)
        if self._start.init_command:
            self._run(self._start.init_command)
        self._autocommit = self.autocommit  # init_command can have set it
        self._set_up_at = commands.commands
        self._other_level = False
        self._transaction.ended()
        commands.left_behind = 0
        return values

    def keep(self) -> None:
        """Take the session as it is now for what `restore()` brings back."""
        self._autocommit = self.autocommit
        self._personal = bool(self._commands.left_behind & ~PINS)
        self._commands.left_behind = 0

    def restore(self) -> bool:
        """Bring the session back to what was kept, where statements can have changed it. Return False where only a new connection can.

        What is known to have changed nothing costs no round trip.
        """
        commands, start = self._commands, self._start
        left = commands.left_behind
        if left and start.resets and (left != PINS or not start.tracks):
            # Without tracking there is an RDS Proxy, which lets go of the server's connection only when this one is closed.
            if left & OUTLASTS_RESET or self._personal or not start.tracks:
                return False
            autocommit = self._autocommit
            self.reset()
            self._autocommit = autocommit
        if bool(commands.status & AUTOCOMMIT) is not self._autocommit:
            self._assign([f"@@session.autocommit = {int(self._autocommit)}"])
        return True

    def reset(self) -> None:
        """Let the server forget the session's state, and set it up anew."""
        self._commands.reset()
        self.set_up()

    # -- its end while somebody still has the connection ---------------------------------------------------------------------------

    def give_up(self) -> None:
        """Say goodbye and close the connection as one that was lost: whoever still has it can roll back, and do nothing else."""
        self._commands.life.ended(DIRTY)
        self._commands.quit()
        self._commands.lost = True

    def cut(self) -> None:
        """End the connection while another thread may use it: that one meets its end, and the server rolls back."""
        if not self._commands.closed:
            self._commands.stream.cut()

    # -- autocommit and the isolation level --------------------------------------------------------------------------------------

    @property
    def autocommit(self) -> bool:
        """Whether each statement commits itself, as the server's last answer says."""
        return bool(self._commands.status & AUTOCOMMIT)

    def set_autocommit(self, value: bool) -> None:
        """Switch it, where it is not so already, and take it for what `restore()` brings back."""
        if self.autocommit != bool(value):
            self._assign([f"@@session.autocommit = {int(value)}"])
        self._autocommit = bool(value)

    def _assign(self, assignments: list[str]) -> None:
        self._commands.set_variables(assignments)
        self._set_up_at = -1  # the session is no longer as it was set up

    def set_isolation_level(self, level: str) -> None:
        """Set the isolation level, or AUTOCOMMIT, with one command at most."""
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

    def starts_with(self, level: str) -> bool:
        """Return whether the session, in which nothing has run yet, is at this isolation level (or AUTOCOMMIT) already."""
        if self._commands.commands != self._set_up_at:
            return False
        if level == "AUTOCOMMIT":
            return self.autocommit
        return not self.autocommit and level == self._start.isolation_level
