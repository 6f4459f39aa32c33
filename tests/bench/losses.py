"""Say in sentences where a peer is ahead of rdspool, and by how much. All words come from the figures."""

from __future__ import annotations

from typing import Any

from .contenders import BY_NAME, Rdspool
from .contenders.rdspool import Before
from .measures import Measure
from .results import figure, shown, text

OURS = Rdspool.name
ENOUGH = 3
"""Figures that a spread needs."""
LEAST = 0.01
"""The smallest difference that counts."""


def losses(outcome: dict[str, Any]) -> list[str]:
    """Return a sentence per measure in which a peer has a smaller figure than rdspool, or one that says that there is none.

    The lines are Markdown. A difference is clear if the middle halves of the two contenders' figures do not overlap.
    """
    peers = [name for name in outcome["contenders"] if name not in (OURS, Before.name)]
    if OURS not in outcome["contenders"] or not peers:
        return []
    clear, unclear = [], []
    for measure in shown(outcome):
        ours = figure(outcome, OURS, measure)
        if ours is None:
            continue
        found = {name: theirs for name in peers if (theirs := figure(outcome, name, measure)) and _ahead(ours, theirs)}
        ahead = dict(sorted(found.items(), key=lambda one: one[1]["median"]))
        certain = {name: theirs for name, theirs in ahead.items() if _clear(measure, ours, theirs)}
        if certain:
            clear.append(_sentence(measure, ours, certain))
        if len(certain) < len(ahead):
            names = ", ".join(BY_NAME[name].label for name in ahead if name not in certain)
            unclear.append(f"{_place(measure)}: {names}")
    if not clear and not unclear:
        return ["No peer is ahead of rdspool in any row."]
    first = ["Where a peer is ahead of rdspool:", "", *clear] if clear else ["No peer is clearly ahead of rdspool in any row."]
    return [*first, *(["", f"Where a peer is ahead by less than the spread of the figures: {'; '.join(unclear)}."] if unclear else [])]


def _ahead(ours: dict[str, float], theirs: dict[str, float]) -> bool:
    return theirs["median"] * (1 + LEAST) < ours["median"]


def _clear(measure: Measure, ours: dict[str, float], theirs: dict[str, float]) -> bool:
    return measure.exact or (min(ours["repeats"], theirs["repeats"]) >= ENOUGH and theirs["upper"] < ours["lower"])


def _place(measure: Measure) -> str:
    return f"{measure.section}, {measure.title}"


def _sentence(measure: Measure, ours: dict[str, float], ahead: dict[str, dict[str, float]]) -> str:
    first, *others = (
        f"{BY_NAME[name].label} {text(theirs['median'], measure)} ({'rdspool needs ' * (not number)}{_more(ours['median'], theirs['median'])})"
        for number, (name, theirs) in enumerate(ahead.items())
    )
    return f"- {_place(measure)}: rdspool {text(ours['median'], measure)}; {', '.join([first, *others])}."


def _more(ours: float, theirs: float) -> str:
    """Return how much more rdspool needs than a peer."""
    ratio = ours / theirs if theirs > 0 else float("inf")
    return f"{ratio:.1f} times as much" if ratio >= 2 else f"{ratio - 1:.0%} more"
