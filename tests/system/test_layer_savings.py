"""What each transform saves, measured with layers that are built with and without it."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from click.testing import CliRunner
from layers import HERE

from layer.__main__ import main
from layer.building.imports import savings
from layer.building.imports.transforms import DOCSTRINGS, SHARED

ARGUMENTS = ("imports", "--python", HERE, "--rounds", "2")


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure two transforms only."""
    monkeypatch.setattr(savings, "TRANSFORMS", (DOCSTRINGS, SHARED))
    monkeypatch.setattr("layer.commands.imports.TRANSFORMS", (DOCSTRINGS, SHARED))


def shown(*options: str) -> dict[str, Any]:
    result = CliRunner().invoke(main, [*ARGUMENTS, "--json", *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.usefixtures("two")
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")
def test_instructions_and_memory_of_each_transform_are_shown() -> None:
    found = shown("--instructions")
    assert found["unit"] == "million instructions"
    assert set(found["by_transform"]) == {"docstrings", "equal constants"}
    assert found["by_transform"]["docstrings"]["work"] > 8
    assert found["by_transform"]["equal constants"]["memory"] > 0.3
    assert found["plain"]["work"] > found["all"]["work"] > 100
    assert found["plain"]["memory"] > found["all"]["memory"] > 10


@pytest.mark.usefixtures("two")
def test_the_table_has_the_time_of_each_transform() -> None:
    result = CliRunner().invoke(main, [*ARGUMENTS], catch_exceptions=False)
    assert "ms saved" in result.stdout
    assert "MiB saved" in result.stdout
    assert {"docstrings", "equal constants"} <= {line[1:].partition("│")[0].strip() for line in result.stdout.splitlines()}
    assert result.stdout.splitlines()[-1].startswith(f"Python {HERE}: ")


def test_without_valgrind_instructions_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    result = CliRunner().invoke(main, [*ARGUMENTS, "--instructions"])
    assert result.exit_code == 1
    assert "valgrind counts the instructions, and is not installed" in result.stderr
