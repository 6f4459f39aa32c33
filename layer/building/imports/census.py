"""Import what a function with an engine imports, and report it. The target's interpreter runs this script, which imports nothing of layer/.

argument: a folder with the sources as the archives will have them. stdout: a pickled dict, by archive, of the modules in the order of their
import, of the functions that SQLAlchemy's decorators made, of the texts that typing and collections compiled, and of regular expressions
(`texts` and the keys of `codes`, `evaluated` and `expressions` in rdspool_imports.made).
"""

import collections
import pickle
import re
import sys
import typing
from types import FunctionType
from typing import Any

sys.path.insert(0, sys.argv[1])

from rdspool_imports import annotated, dataclass, later, made  # noqa: F401

texts: dict[tuple[Any, ...], tuple[str, str, str]] = {}
codes: list[tuple[str, str]] = []
evaluated: list[str] = []
expressions: list[tuple[Any, int]] = []
pending: list[tuple[Any, ...]] = []


def decorated(function: FunctionType, target: Any, _execute: object) -> None:
    """Let SQLAlchemy make the function, and remember for what."""
    pending[:] = [made.key(function, target)]


def compiled(text: str, file: str) -> Any:
    """Compile as SQLAlchemy does, and remember the text."""
    codes.append((text, file))
    if pending:
        names = re.findall(r"return (?:await |\(yield from )?(\w+)\((\w+), ", text)
        texts[pending.pop()] = (text, *names[0])
    return compile(text, file, "exec")


def compiled_type(text: str, file: str, mode: str) -> Any:
    """Compile as typing does, and remember the text."""
    evaluated.append(text)
    return compile(text, file, mode)


def evaluated_constructor(text: str, namespace: dict[str, Any]) -> Any:
    """Evaluate as collections does, and remember the text."""
    evaluated.append(text)
    return eval(text, namespace)  # noqa: S307


def expression(pattern: Any, flags: int = 0) -> Any:
    """Compile as re does, and remember what."""
    expressions.append((pattern, int(flags)))
    return re.compile(pattern, flags)


def report(before: list[str]) -> tuple[list[str], dict[Any, Any], list[tuple[str, str]], list[str], list[tuple[Any, int]]]:
    """Return the modules, functions, evaluated texts and regular expressions since `before`."""
    found = (
        [name for name in sys.modules if name not in before],
        dict(texts),
        list(dict.fromkeys(codes)),
        list(dict.fromkeys(evaluated)),
        list(dict.fromkeys(expressions)),
    )
    for each in (texts, codes, evaluated, expressions):
        each.clear()
    return found


made.decorated, made.compiled = decorated, compiled  # type: ignore[assignment]
later.Re.compile = staticmethod(expression)
typing.compile, collections.eval = compiled_type, evaluated_constructor  # type: ignore[attr-defined]

import rdspool  # noqa: E402

rdspool.get_engine(host="database.cluster.eu-west-1.rds.amazonaws.com", user="user")
base = report([])

import sqlalchemy.orm  # noqa: E402, F401

orm = report(base[0])
sys.stdout.buffer.write(pickle.dumps({"base": base, "orm": orm}))
