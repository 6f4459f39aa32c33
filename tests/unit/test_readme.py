"""The figures in the README and on the pages are those of the last benchmark, and the README is one screen."""

from __future__ import annotations

import json
import re

import pytest

from tests import readme

PLACES = readme.bench()


@pytest.mark.parametrize(("page", "name", "text"), PLACES, ids=[f"{page} {name}" for page, name, _ in PLACES])
def test_a_page_has_the_figures_of_the_results(page, name, text):
    """`python tests/readme.py bench` writes them."""
    (found,) = re.findall(rf"<!-- {name}:begin -->\n(.*?)\n<!-- {name}:end -->", (readme.ROOT / page).read_text(), re.DOTALL)
    assert found == text.strip()


def test_the_readme_is_one_screen():
    assert len((readme.ROOT / "README.md").read_text().splitlines()) <= 120


def test_who_is_ahead_is_said():
    outcome = json.loads(readme.RESULTS.read_text())
    ours = outcome["contenders"][readme.OURS]["figures"]
    ours["cold_cpu"]["median"] = 1000.0
    table = readme.ahead(outcome)
    assert any("cold connect to the first row" in line and "PyMySQL" in line and "stock C" in line for line in table.splitlines())
    for key in ours:
        ours[key]["median"] = 0.0
    assert readme.ahead(outcome) == "No peer is ahead of rdspool in any row."
