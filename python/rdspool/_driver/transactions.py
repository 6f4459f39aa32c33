"""Whether a transaction can be open: what the server's status tells, and what it does not."""

from __future__ import annotations

from . import effects
from .command_phase import CommandPhase
from .connection_state import AUTOCOMMIT, COMMIT, IN_TRANSACTION


class TransactionState:
    """Knows whether a COMMIT or ROLLBACK can have any effect, without asking the server."""

    __slots__ = ("_commands", "_ended_at", "_wrote", "one_shot")

    def __init__(self, commands: CommandPhase) -> None:
        self._commands = commands
        self._ended_at = -1
        self._wrote = False
        self.one_shot = False
        """Whether SET TRANSACTION has set what the next transaction shall be: only that one's end takes it away."""

    def note(self, can: int) -> None:
        """Note a statement that is sent. `can` is what it can do, as flags of `effects`."""
        if can & effects.NEXT_TRANSACTION:
            self.one_shot = True
        if can & effects.WRITES:
            self._wrote = True
        # Without either it commits nothing, as most that write within a transaction.
        if (can & effects.COMMITS or self._commands.status & AUTOCOMMIT) and self._commands.can_commit(can):
            effects.note_commit()

    def commit(self) -> None:
        """Send the COMMIT."""
        commands = self._commands
        something = not commands.status_known or commands.status & IN_TRANSACTION
        commands.exchange(COMMIT)
        if something:
            effects.note_commit()
        self.ended()

    def ended(self) -> None:
        """Note that a transaction has ended, or that the session is new."""
        self._ended_at = self._commands.commands
        self.one_shot = self._wrote = False

    @property
    def has_written(self) -> bool:
        """Whether a transaction is open in which a statement can have changed data."""
        return self._wrote and self.open

    @property
    def open(self) -> bool:
        """Whether a COMMIT or ROLLBACK can have any effect.

        The server's status flag alone does not tell: without autocommit a statement that fails, or that reads a table of a
        non-transactional engine, leaves the flag unset and yet holds the table's metadata lock until the transaction ends
        (seen on MySQL 9.7). A frozen environment would then block every ALTER TABLE. And a refusal tells no status at all: a
        procedure that failed can have begun a transaction.
        """
        commands = self._commands
        status = commands.status
        if status & IN_TRANSACTION or not commands.status_known or self.one_shot:
            return True
        return not (status & AUTOCOMMIT or commands.commands == self._ended_at)
