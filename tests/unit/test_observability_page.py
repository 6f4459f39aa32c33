"""The page on observability: its tables have every reason, step and metric, and its examples are what is written."""

from __future__ import annotations

import json
import re
from pathlib import Path

from rdspool._driver.lives import REASONS
from rdspool._metrics import DIMENSION, NAMESPACE, UNITS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "observability.md").read_text()
STEPS = ("credentials", "name", "tcp", "greeting", "tls", "sign-in", "set-up")
"""tests/system/test_connect_log.py holds the line to them."""


def table(header):
    """The names in the first cells of the table below this header."""
    rows = PAGE.partition(header)[2].strip().split("\n\n")[0].splitlines()
    return [name for row in rows if row.startswith("| `") for name in re.findall(r"`([\w-]+)`", row.split(" | ")[0])]


def test_the_tables_are_whole():
    assert tuple(table("| why | the connection before |")) == REASONS
    assert tuple(table("| step | what takes the time |")) == STEPS
    assert set(table("| metric | unit | counts |")) == set(UNITS)


def test_the_units_are_right():
    for name, unit in re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE, re.MULTILINE):
        assert UNITS[name] == unit


def test_the_lines_of_metrics_are_of_this_format():
    lines = [json.loads(line) for line in PAGE.splitlines() if line.startswith('{"_aws"')]
    assert len(lines) == 2
    for line in lines:
        (described,) = line["_aws"]["CloudWatchMetrics"]
        assert (described["Namespace"], described["Dimensions"]) == (NAMESPACE, [[DIMENSION]])
        assert {metric["Name"]: metric["Unit"] for metric in described["Metrics"]} == {
            name: UNITS[name] for name in line if name not in ("_aws", DIMENSION)
        }


def test_the_logs_line_has_the_steps():
    for line in re.findall(r"new connection \d+ to .*?\)(?=\"|$)", PAGE, re.MULTILINE):
        assert tuple(re.findall(r"([\w-]+) [\d.]+(?=[,)])", line.partition("ms (")[2])) == STEPS
