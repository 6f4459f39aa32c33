"""The page of settings says of each setting what the code does: its variable, argument, type and default."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import pytest
from rdspool import Settings
from rdspool._settings.defaults import PROCESS_WIDE, WAIT_TIMEOUT_MARGIN
from rdspool.settings import SETTING_NAMES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "settings.md").read_text()
ROW = re.compile(r"^\| `(RDSPOOL_\w+)` \| `(\w+)` \| ([^|]*?) ?\| ([^|]*?) ?\| ", re.MULTILINE)
ROWS = {argument: (variable, kind, default) for variable, argument, kind, default in ROW.findall(PAGE)}
NUMBERS = {"whole number", "seconds", "milliseconds", "bytes"}
KINDS = {bool: {"yes or no"}, int: NUMBERS, float: {"seconds, a fraction too"}, str: {"text", "path", "URL"}}


def test_every_setting_has_a_row_and_every_row_is_a_setting():
    assert sorted(argument for _, argument, *_ in ROW.findall(PAGE)) == sorted([*SETTING_NAMES, "url"])


@pytest.mark.parametrize("name", SETTING_NAMES)
def test_a_row_says_what_the_code_does(name):
    variable, kind, default = ROWS[name]
    assert variable == f"RDSPOOL_{name.upper()}"
    annotation = typing.get_type_hints(Settings)[name]
    types = [one for one in typing.get_args(annotation) or (annotation,) if one is not type(None)]
    if all(one in KINDS for one in types):
        assert kind in set().union(*(KINDS[one] for one in types)), annotation
    value = getattr(Settings, name, None)
    if name == "wait_timeout":
        assert default == f"`pool_recycle` + {WAIT_TIMEOUT_MARGIN}"
    elif isinstance(value, bool):
        assert default.split(";")[0] == str(value).lower()
    elif isinstance(value, int):
        assert default == str(value)
    elif value is not None:
        assert default == f"`{value}`"
    else:
        # None: what is done then stands there in words, or nothing where the setting is needed.
        assert not default.startswith("`") or "then" in default
        assert bool(default) == hasattr(Settings, name)


@pytest.mark.parametrize("name", PROCESS_WIDE)
def test_the_variables_of_the_process_are_named(name):
    assert f"`RDSPOOL_{name}=" in PAGE
