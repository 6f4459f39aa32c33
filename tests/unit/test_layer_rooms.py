"""The rooms of layer/: who imports whom."""

from __future__ import annotations

import ast

import pytest

from layer.matrix import PROJECT

SHARED = {"errors", "documents", "matrix"}
"""The modules beside the rooms."""


def imported(room: str):
    """Yield what the modules of a room import of layer/, as the parts of its name, also within functions and for type checkers only."""
    for file in (PROJECT / "layer" / room).rglob("*.py"):
        package = ("layer", *file.relative_to(PROJECT / "layer").parent.parts)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = (*package[: len(package) - node.level + 1], *(node.module or "").split("."))
                for alias in node.names:
                    yield tuple(part for part in (*base, alias.name) if part)[1:]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "layer":
                yield (*(node.module or "").split("."), *[alias.name for alias in node.names][:1])[1:]


@pytest.mark.parametrize(
    ("room", "others"),
    [
        ("building", set()),
        ("checks", {"building"}),
        ("evidence", {"building", "checks"}),
        ("publishing", {"building", "checks", "evidence"}),
        ("commands", {"building", "checks", "evidence", "publishing"}),
    ],
)
def test_a_room_knows_only_those_before_it(room, others):
    known = {parts[0] for parts in imported(room)}
    assert known
    assert known - SHARED - {room} <= others


def test_every_module_is_in_a_room():
    beside = {path.stem for path in (PROJECT / "layer").glob("*.py")}
    assert beside == SHARED | {"__init__", "__main__"}
