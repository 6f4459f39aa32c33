from collections.abc import Callable
from typing import Any

_Callables = tuple[Callable[..., Any] | None, ...]

def row(kinds: bytes, callables: _Callables, payload: bytes, /) -> tuple[Any, ...] | None: ...
def rows(kinds: bytes, callables: _Callables, buffer: bytes, at: int, number: int, most: int, found: list[Any], /) -> int: ...
def result(
    kinds: bytes, callables: _Callables, header: bytes, number: int, answer: bytes, /
) -> tuple[list[tuple[Any, ...]], int, int] | None: ...
