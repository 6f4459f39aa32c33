"""The page of the API has everything that rdspool exports."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import rdspool

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
SHOWN = set(re.findall(r"^::: ([\w.]+)$", PAGE, re.MULTILINE))


@pytest.mark.parametrize("name", [name for name in rdspool.__all__ if not name.startswith("__")])
def test_what_is_exported_is_on_the_page(name):
    module = getattr(rdspool, name).__module__
    assert {f"{module}.{name}", module} & SHOWN, f"add ::: {module}.{name} to docs/api.md"
