"""The soak for some seconds, and the proof that its check fails for a function that is wrong."""

from __future__ import annotations

import pytest

from tests.soak.soak import report, soak

LOST = ("COMMIT: its answer is lost", "COMMIT: its answer is cut", "COMMIT: it does not arrive", "statement: it does not arrive")
SECONDS = 8.0


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
def test_a_sound_function_keeps_the_invariant(kind):
    result = soak(kind, SECONDS, 1, environments=4, growth=False)
    assert result.broken == []
    assert result.units["committed"] > 0
    assert sum(result.faults.values()) > 0
    assert "The invariant holds" in report(result, "command")


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        ("replays", "and is there 2 times"),
        ("hopes", "was said to be committed, and is there 0 times"),
        ("gives up", "was said to be failed"),
        ("splits", "the accounts hold"),
    ],
)
def test_a_function_that_is_wrong_breaks_it(variant, said):
    result = soak("mysql", SECONDS, 1, environments=3, faults=LOST, variant=variant, growth=False)
    assert any(said in one for one in result.broken), result
    assert "The invariant is broken" in report(result, "command")


def test_a_function_that_leaks_breaks_it():
    result = soak("mysql", SECONDS, 1, environments=2, faults=["all answers slow"], variant="leaks")
    assert any("bytes of memory" in one for one in result.broken), result
    assert any("descriptors" in one for one in result.broken)
