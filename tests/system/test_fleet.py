"""The fleet, small and short: the usual recipe fails where rdspool does not, and the model of `python -m rdspool size` says both."""

from __future__ import annotations

import pytest

from tests.fleet.__main__ import report
from tests.fleet.fleet import FULL_BURSTS, RECIPES, Plan, modelled, run

PLAN = Plan("mysql", environments=9, limit=6, seed=1, rounds=5, freeze=0.5, wait_timeout=2)


@pytest.fixture(scope="module")
def results():
    return {recipe.mode: run(recipe, PLAN) for recipe in RECIPES if recipe.mode != "keep"}


def failed(result):
    return sum(phase.failed for phase in result.phases)


def test_rdspool_fails_nothing_and_leaves_no_connection(results):
    assert failed(results["automatic"]) == 0, results["automatic"]
    assert results["automatic"].left_over == 0


def test_the_usual_recipe_fails_and_leaves_connections(results):
    assert failed(results[None]) > 0
    assert results[None].left_over > 0


@pytest.mark.parametrize("mode", [None, "automatic"])
def test_the_model_says_what_is_measured(results, mode):
    outcome = modelled(results[mode], PLAN)
    # A server counts a connection before it looks whether there is a place for it: of two that sign in at one moment it can refuse both for one place.
    # So each burst that fills the server can fail once more than the model says, and can't fail less often.
    more = results[mode].failed_before_deaths - outcome.refused
    assert 0 <= more <= (FULL_BURSTS if outcome.refused else 0), (outcome, results[mode])
    assert outcome.peak_connections == results[mode].peak_before_deaths == PLAN.limit


def test_the_report_names_each_recipe(results):
    text = report(list(results.values()), "command", PLAN)
    for result in results.values():
        assert result.recipe.name in text
