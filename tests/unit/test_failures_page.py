"""The page of failures by message: what it quotes is what rdspool, or the server, says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "failures.md").read_text()
SERVERS_SAY = {"Access denied for user": "1045 of MySQL and MariaDB", "Connection refused": "the operating system"}
SHORTEST = 3
"""Characters of a part between two `...` that is looked for."""


def constants():
    """The texts of python/rdspool, f-strings as one text in which a value is \0."""
    for file in (ROOT / "python" / "rdspool").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


TEXTS = list(constants())
ROWS = [line for line in PAGE.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("row", ROWS)
def test_each_message_of_the_page_is_one_that_is_said(row):
    quoted = re.findall(r"`([^`]+)`", row.split(" | ")[0])
    assert quoted
    for message in quoted:
        if any(message.startswith(said) for said in SERVERS_SAY):
            continue
        parts = [part.strip(" ()?:,") for part in message.split("...")]
        wanted = [part for part in parts if len(part) >= SHORTEST]
        assert wanted
        for part in wanted:
            assert any(part in text.replace("\0", "") or part in text for text in TEXTS), part


def test_the_page_has_a_row_for_each_class_of_errors_in_the_words_that_are_searched():
    for words in ("Broken pipe", "server has gone away", "Access denied", "security group", "max_allowed_packet", "Too many connections"):
        assert words.lower() in PAGE.lower()
    for section in ("Settings", "No connection to the server", "TLS and certificates", "Sign-in", "Statements"):
        assert f"\n## {section}\n" in PAGE


def test_each_row_has_a_cause_and_a_fix():
    assert len(ROWS) > 40
    for row in ROWS:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 3, row
        assert all(cells), row
