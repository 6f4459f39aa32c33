"""get_engine()'s keywords under a type checker: a misspelt one and one of the wrong type are found before anything runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

CALLS = """
from rdspool import Settings, get_engine
from sqlalchemy.engine import Engine

engine: Engine = get_engine("reporting", host="h", pool_recycle=60, echo="debug", isolation_level="AUTOCOMMIT")
settings: Settings = Settings.load(host="h")
get_engine(hots="h")
get_engine(pool_recycle="sixty")
get_engine(isolation_level="SOMETIMES")
get_engine(connect="later")
get_engine(60)
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    file = tmp_path_factory.mktemp("typed") / "calls.py"
    file.write_text(CALLS)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file=", str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return [line.partition("calls.py:")[2] for line in ran.stdout.splitlines() if "error:" in line]


def test_every_wrong_call_is_found_and_no_right_one(found):
    assert [line.split(":")[0] for line in found] == ["7", "8", "9", "10", "11"], found


def test_a_misspelt_keyword_is_named(found):
    assert "hots" in found[0]
