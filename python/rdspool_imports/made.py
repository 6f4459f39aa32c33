"""What modules make from texts at each import, as the build made it: functions of SQLAlchemy's decorators, regular expressions, types.

What the result depends on is the key, so that one which differs in any of it is made as without the build.
"""

from __future__ import annotations

import _sre  # type: ignore[import-not-found]  # of re, without a stub
import collections
import re
import sys
from types import FunctionType

TYPE_CHECKING = False  # typing takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

MAGIC: int = _sre.MAGIC
"""Of compiled regular expressions. Another release of this Python with another one compiles them itself."""
texts: dict[tuple[Any, ...], tuple[str, str, str]] = {}
"""Per key, the text of the function, and the names in it for the decorator's target and for the decorated function."""
codes: dict[tuple[str, str], CodeType] = {}
"""The code of each text, by the text and the file name that tracebacks show."""
expressions: dict[tuple[str, int], tuple[Any, ...]] = {}
"""Per regular expression and its flags, what re.compile gives to _sre.compile."""
evaluated: dict[str, CodeType] = {}
"""The code of the texts that typing and collections compile: of types in quotes, and of the constructors of named tuples."""
later: dict[str, dict[str, bytes]] = {}
"""Per module, the marshalled code of statements that are executed when the name that they bind is asked for, by this name."""


def key(function: FunctionType, target: Any) -> tuple[Any, ...]:
    """Return all that the text of a decorated function depends on."""
    code = function.__code__
    named = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    return (
        target.__name__,
        function.__module__,
        function.__qualname__,
        function.__name__,
        code.co_varnames[:named],
        code.co_argcount,
        code.co_kwonlyargcount,
        code.co_flags,
        len(function.__defaults__ or ()),
        tuple(function.__kwdefaults__ or ()),
    )


def decorated(function: Any, target: Any, execute: Callable[..., FunctionType]) -> FunctionType | None:
    """Return what SQLAlchemy's `decorator(target)` makes of a function; None where the build did not make it."""
    if type(function) is not FunctionType:
        return None
    found = texts.pop(key(function, target), None)  # each is made once
    if found is None:
        return None
    text, target_name, function_name = found
    names = {target_name: target, function_name: function, "__name__": function.__module__}
    made = execute(text, names, function.__name__, f"{target.__name__}() wrapper for {function.__module__}.{function.__qualname__}")
    made.__defaults__ = function.__defaults__
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def compiled(text: str, file: str) -> CodeType:
    """Return the code of a text, as compile() does."""
    return codes.pop((text, file), None) or compile(text, file, "exec")


def expression(pattern: Any, flags: Any = 0) -> re.Pattern[Any]:
    """Return the compiled regular expression, as re.compile() does."""
    found = expressions.pop((pattern, int(flags)), None)
    return re.compile(pattern, flags) if found is None else _sre.compile(*found)


def lend() -> bool:
    """Let typing and collections take the code of their texts from here, until take_back(). Return whether they did not do so before.

    Their namespaces get a `compile` and an `eval`, which Python finds before the builtin ones.
    """
    if not evaluated or "eval" in vars(collections):
        return False
    import typing

    vars(typing).setdefault("compile", _compile)
    vars(collections)["eval"] = _eval
    return True


def take_back() -> None:
    """Remove what lend() has added."""
    for module, name, lent in (("typing", "compile", _compile), ("collections", "eval", _eval)):
        names = vars(sys.modules[module]) if module in sys.modules else {}
        if names.get(name) is lent:
            del names[name]


def _compile(text: Any, file: str, mode: str) -> Any:
    # Code does not change: all references with the same text share it.
    found = evaluated.get(text) if (file, mode) == ("<string>", "eval") else None
    return found or compile(text, file, mode)


def _eval(text: str, namespace: dict[str, Any]) -> Any:
    return eval(evaluated.get(text, text), namespace)  # noqa: S307  as collections does
