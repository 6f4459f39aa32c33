"""The soak for some seconds, and the proof that its check fails for a function that is wrong."""

from __future__ import annotations

import pytest

from tests.soak.invariant import growths
from tests.soak.soak import report, soak

SECONDS = 3.0


def some_faults(_ledger, storm):
    return sum(storm.counts.values()) >= 8


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
def test_a_sound_function_keeps_the_invariant(kind):
    result = soak(kind, SECONDS, 1, environments=4, growth=False, enough=some_faults)
    assert result.broken == []
    assert result.units["committed"] > 0
    assert "The invariant holds" in report(result, "command")


@pytest.mark.parametrize(
    ("variant", "fault", "said"),
    [
        ("replays", "COMMIT: its answer is lost", "and is there 2 times"),
        ("hopes", "COMMIT: it does not arrive", "was said to be committed, and is there 0 times"),
        ("gives up", "COMMIT: its answer is lost", "was said to be failed"),
        ("splits", "statement: it does not arrive", "the accounts hold"),
    ],
)
def test_a_function_that_is_wrong_breaks_it(variant, fault, said):
    result = soak("mysql", SECONDS, 1, environments=3, faults=[fault], variant=variant, growth=False, enough=some_faults)
    assert any(said in one for one in result.broken), result
    assert "The invariant is broken" in report(result, "command")


def test_a_function_that_leaks_breaks_it():
    result = soak(
        "mysql",
        SECONDS,
        1,
        environments=2,
        faults=["statement: run it again"],
        variant="leaks",
        enough=lambda ledger, _: bool(growths(list(ledger.samples))),
    )
    assert any("bytes of memory" in one for one in result.broken), result
    assert any("descriptors" in one for one in result.broken)
