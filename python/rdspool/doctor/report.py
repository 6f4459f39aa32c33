"""The report as text: a line per step, and below it what is known, why it failed and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from ..errors import printable
from .settings import DEFAULT
from .step import FAILED, OK, SKIPPED, WARNING, Result

_COLOURS: Final = {OK: "\033[32m", WARNING: "\033[33m", FAILED: "\033[31m", SKIPPED: "\033[2m"}
_BOLD: Final = "\033[1m"
_END: Final = "\033[0m"
_LONGEST: Final = 2000
"""Characters of a line. A policy has some 200."""


def lines(result: Result, *, colour: bool) -> Iterator[str]:
    """Yield the lines of one step."""
    finding = result.finding
    outcome = f"{result.outcome:8}"
    if colour:
        outcome = f"{_COLOURS[result.outcome]}{outcome}{_END}"
    yield f"{outcome} {result.step:12} {result.seconds * 1000:7.0f} ms  {finding.found}"
    for key, value in finding.facts.items():
        yield from _fact(key, value, 1)
    if finding.cause is not None:
        yield f"    {_bold('cause:', colour)} {finding.cause}"
    for fix in finding.fix:
        yield f"    {_bold('fix:', colour)} {printable(fix, _LONGEST)}"


def _fact(key: str, value: Any, depth: int) -> Iterator[str]:
    """Yield the lines of a value; of a table, one per row."""
    indent = "    " * depth
    if isinstance(value, dict) and value.keys() == {"value", "from"}:
        yield f"{indent}{key}: {_shown(value['value'])} ({value['from']})"
    elif isinstance(value, dict) and value.keys() == {"version", "from"}:
        yield f"{indent}{key}: {value['version']} ({value['from']})"
    elif isinstance(value, dict) and value:
        yield f"{indent}{key}:"
        usual = [name for name, one in value.items() if isinstance(one, dict) and one.get("from") == DEFAULT]
        if usual:
            yield f"{indent}    defaults: {', '.join(f'{name} {_shown(value[name]["value"])}' for name in usual)}"
            value = {name: one for name, one in value.items() if name not in usual}
        for name, one in value.items():
            yield from _fact(name, one, depth + 1)
    elif isinstance(value, list) and value and not all(isinstance(one, str) for one in value):
        yield f"{indent}{key}:"
        for one in value:
            yield f"{indent}    {_shown(one)}"
    else:
        yield f"{indent}{key}: {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "none"
    if value is None:
        return "none"
    return printable(value if isinstance(value, str) else json.dumps(value), _LONGEST)


def conclusion(report: dict[str, Any]) -> str:
    """Return the last line: what to look at first."""
    if report["failed"]:
        return f"{len(report['failed'])} failed: {', '.join(report['failed'])}. Begin with the first."
    if report["warnings"]:
        return f"All that was tried works. Warnings: {', '.join(report['warnings'])}."
    return "All that was tried works."


def _bold(text: str, colour: bool) -> str:
    return f"{_BOLD}{text}{_END}" if colour else text
