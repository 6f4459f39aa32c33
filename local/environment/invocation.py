"""The results of an invocation and of a shutdown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class FunctionError:
    """An error of the function, as the runtime reports it."""

    type: str
    message: str
    trace: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.type else self.message


@dataclass(frozen=True)
class Invocation:
    """One invocation. `payload` is the result of the handler, or None if there is an `error`.

    init_ms: from the start of the runtime's process to the end of the handler module's import; None if the start was warm or init failed.
    duration_ms: the call of the handler, measured in the runtime's process; None if the handler did not return or raise.
    wall_ms: from the request to the emulator until its answer. logs: the lines that were printed meanwhile.
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
    """The shutdown of a runtime. Lambda gives it 500 ms, or no time if no extension is registered.

    duration_ms: from the signal to the end of the runtime's process. killed: whether SIGKILL was needed. logs: the lines meanwhile.
    """

    duration_ms: float
    killed: bool
    logs: list[str]
