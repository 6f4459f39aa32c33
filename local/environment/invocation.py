"""What came of an invocation, and of a shutdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class FunctionError:
    """An error in the runtime's own words."""

    type: str
    message: str
    trace: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.type else self.message


@dataclass(frozen=True)
class Invocation:
    """One invocation. `payload` is what the handler returned, or None with an `error`.

    init_ms: from the start of the runtime's process to the end of the handler module's import; None when warm or not reached.
    duration_ms: the call of the handler, measured around it in the runtime's process; None when it did not come to an end.
    wall_ms: from the request to the emulator to its answer. `logs`: the lines printed meanwhile.
    """

    payload: Any
    error: FunctionError | None
    start: Literal["cold", "warm"]
    init_ms: float | None
    duration_ms: float | None
    wall_ms: float
    logs: list[str]


@dataclass(frozen=True)
class Shutdown:
    """What the runtime did when it was told to end. Lambda allows it 500 ms, or nothing at all where no extension is registered.

    duration_ms: from the signal to the end of the runtime's process. killed: whether it took a SIGKILL. `logs`: the lines meanwhile.
    """

    duration_ms: float
    killed: bool
    logs: list[str]
