from collections.abc import Callable
from typing import Any

_Callables = tuple[Callable[..., Any] | None, ...]
_Known = tuple[bytes, _Callables, bytes, int]
_Ready = tuple[int, Callable[[bytes], int], Callable[[int], bytes], int, bool]
"""The socket's descriptor; the calls that send and receive; how many bytes are received at once; and whether an OK packet ends rows."""

class Exchange:
    _answering: bool
    _began: float
    _limits: object
    _part: float
    ready: _Ready | None
    _sent: tuple[bytes, int, bool] | None
    _sent_whole: bool
    _until: float
    commands: int
    last_used: float
    status: int
    status_known: bool
    def quiet(self) -> bool: ...
    def _usual(
        self, payload: bytes, known: _Known | None, limits: object, part: float, /
    ) -> tuple[Any, ...] | bytes | int | BaseException | None: ...

def fill(
    pieces: list[bytes], names: list[str], values: dict[str, Any], number: int, literal: Callable[[Any], bytes], /
) -> bytes | None: ...
def row(kinds: bytes, callables: _Callables, payload: bytes, /) -> tuple[Any, ...] | None: ...
def rows(kinds: bytes, callables: _Callables, buffer: bytes, at: int, number: int, most: int, found: list[Any], /) -> int: ...
