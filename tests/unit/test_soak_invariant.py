"""The soak's invariant: each way to break it is found."""

from __future__ import annotations

import pytest

from tests.soak.invariant import ACCOUNTS, BEGIN, DESCRIPTORS, FEWEST, MEMORY, Sample, Unit, broken_growths, broken_units, growths


def holding(**changes):
    """What the accounts hold, where `changes` name those that differ: a1=-5."""
    return {number: BEGIN + changes.get(f"a{number}", 0) for number in range(1, ACCOUNTS + 1)}


def unit(outcome):
    return Unit(1, 1, 2, 5, "engine", outcome)


ROW = (1, 1, 2, 5)
MOVED = holding(a1=-5, a2=5)


@pytest.mark.parametrize(
    ("outcome", "rows", "accounts"),
    [
        ("committed", [ROW], MOVED),
        ("failed", [], holding()),
        ("rolled back", [], holding()),
        ("left open", [], holding()),
        ("unknown", [], holding()),
        ("unknown", [ROW], MOVED),
        ("no answer", [], holding()),
        ("no answer", [ROW], MOVED),
    ],
)
def test_what_agrees(outcome, rows, accounts):
    assert broken_units([unit(outcome)], rows, accounts) == []


@pytest.mark.parametrize(
    ("outcome", "rows", "accounts", "said"),
    [
        ("committed", [], holding(), "is there 0 times"),
        ("committed", [ROW, ROW], holding(a1=-10, a2=10), "is there 2 times"),
        ("failed", [ROW], MOVED, "is there 1 times"),
        ("rolled back", [ROW], MOVED, "is there 1 times"),
        ("left open", [ROW], MOVED, "is there 1 times"),
        ("unknown", [ROW, ROW], holding(a1=-10, a2=10), "is there 2 times"),
        ("no answer", [ROW, ROW], holding(a1=-10, a2=10), "is there 2 times"),
        ("committed", [ROW], holding(a1=-5), "the accounts hold"),
        ("committed", [ROW], holding(a1=-6, a2=6), "account 1 holds"),
        ("committed", [ROW, (2, 1, 2, 0)], MOVED, "nobody ran it"),
        ("gone", [], holding(), "means nothing"),
    ],
)
def test_what_contradicts(outcome, rows, accounts, said):
    assert any(said in one for one in broken_units([unit(outcome)], rows, accounts))


def samples(memory, descriptors, count=FEWEST):
    """Samples of one environment whose second half is larger by `memory` and `descriptors`."""
    return [Sample(1, 50 * 2**20 + (index > count // 2) * memory, 9 + (index > count // 2) * descriptors) for index in range(count)]


def test_an_environment_that_stays_as_it_is():
    assert broken_growths(growths(samples(MEMORY, DESCRIPTORS))) == []


@pytest.mark.parametrize(("memory", "descriptors", "said"), [(MEMORY + 1, 0, "bytes of memory"), (0, DESCRIPTORS + 1, "descriptors")])
def test_an_environment_that_grows(memory, descriptors, said):
    (found,) = broken_growths(growths(samples(memory, descriptors)))
    assert said in found


def test_nothing_is_known_of_an_environment_that_ran_too_rarely():
    assert broken_growths(growths(samples(0, 0, FEWEST - 1))) == [
        f"no environment served {FEWEST} invocations, so nothing is known of memory and descriptors"
    ]
