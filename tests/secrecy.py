"""Looks for secrets in all that an error tracker can take of an exception: texts, notes, and the local variables of every frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_TESTS = str(Path(__file__).resolve().parent)
_DEEPEST = 5


def found_in(error: BaseException, secrets: list[str]) -> list[str]:
    """Return where the exception, its causes and contexts, or their frames show one of the secrets. The tests' own frames don't count."""
    places = []
    for one in _chain(error):
        kind = type(one).__name__
        for text in (str(one), repr(one), *(text for argument in one.args for text in texts(argument)), *getattr(one, "__notes__", ())):
            places += [f"the text of {kind}" for secret in secrets if secret in text]
        step = one.__traceback__
        while step is not None:
            code = step.tb_frame.f_code
            if not code.co_filename.startswith(_TESTS):
                for name, value in step.tb_frame.f_locals.items():
                    where = f"{name} in {code.co_qualname} ({Path(code.co_filename).name}:{step.tb_lineno}) of {kind}"
                    places += [where for text in texts(value) for secret in secrets if secret in text]
            step = step.tb_next
    return places


def frames_of(error: BaseException) -> set[str]:
    """Return the names of the functions that the exception and its causes came through."""
    names = set()
    for one in _chain(error):
        step = one.__traceback__
        while step is not None:
            names.add(step.tb_frame.f_code.co_name)
            step = step.tb_next
    return names


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is not None and not any(one is other for other in chain):
            chain.append(one)
            left += [one.__cause__, one.__context__, getattr(one, "orig", None), getattr(one, "driver_error", None)]
    return chain


def texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield what a value shows: its repr, its bytes, and all that a container holds."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        yield bytes(value).decode("latin-1")
        return
    yield value if isinstance(value, str) else repr(value)
    if depth < _DEEPEST:
        if isinstance(value, Mapping):
            for pair in list(value.items()):
                yield from texts(pair, depth + 1)
        elif isinstance(value, (list, tuple, set, frozenset)):
            for one in list(value):
                yield from texts(one, depth + 1)
