"""The results as tables: with rich for a terminal, in Markdown for the README."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from .contenders import PEERS
from .measures import Measure
from .results import conditions, contenders, median, notes, shown, text

OURS = "rdspool"
NO_RATIO = "import_over_cpu"
"""A difference of two figures, whose ratio has no meaning."""


def _compared(outcome: dict[str, Any]) -> list[str]:
    return [peer for peer in PEERS if OURS in outcome["contenders"] and peer in outcome["contenders"]]


def _heads(outcome: dict[str, Any]) -> list[str]:
    labels = [outcome["contenders"][name]["label"] for name in contenders(outcome)]
    return [*labels, *(f"÷ {outcome['contenders'][peer]['label']}" for peer in _compared(outcome))]


def _ratio(outcome: dict[str, Any], peer: str, measure: Measure) -> str:
    ratio = outcome["contenders"][OURS]["ratios"][peer].get(measure.key)
    return "–" if ratio is None or measure.key == NO_RATIO else f"{ratio:.2f}"


def _cells(outcome: dict[str, Any], measure: Measure) -> list[str]:
    figures = [text(median(outcome, name, measure), measure) for name in contenders(outcome)]
    return [*figures, *(_ratio(outcome, peer, measure) for peer in _compared(outcome))]


def _legend(outcome: dict[str, Any]) -> list[str]:
    return [
        f"÷: rdspool's figure divided by that of {outcome['contenders'][peer]['label']}, in the same run."
        for peer in _compared(outcome)[:1]
    ]


def _sections(outcome: dict[str, Any]) -> list[tuple[str, list[Measure]]]:
    return [(section, list(measures)) for section, measures in groupby(shown(outcome), key=lambda one: one.section)]


def terminal(outcome: dict[str, Any]) -> RenderableType:
    """Return the tables, which fit into 100 columns, and the conditions of the run."""
    parts: list[RenderableType] = []
    for section, measures in _sections(outcome):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("", min_width=26, max_width=32)
        for head in _heads(outcome):
            table.add_column(escape(head), justify="right", min_width=7, max_width=8, style="bold" if head == OURS else None)
        for measure in measures:
            table.add_row(escape(measure.title), *_cells(outcome, measure))
        parts += [f"[bold]{escape(section)}[/]", table]
    lines = [*_legend(outcome), *conditions(outcome), *(f"{label}: {how} ({driver})." for label, how, driver in notes(outcome))]
    return Group(*parts, *(Padding(escape(line), (0, 0, 0, 2)) for line in lines))


def markdown(outcome: dict[str, Any]) -> str:
    """Return the tables and the conditions of the run for the README."""
    lines = []
    heads = [f"**{head}**" if head == OURS else head for head in _heads(outcome)]
    for section, measures in _sections(outcome):
        lines += [f"| {section} | {' | '.join(heads)} |", f"|---|{'--:|' * len(heads)}"]
        for measure in measures:
            cells = _cells(outcome, measure)
            if OURS in contenders(outcome):
                place = contenders(outcome).index(OURS)
                cells[place] = f"**{cells[place]}**"
            lines.append(f"| {measure.title} | {' | '.join(cells)} |")
        lines.append("")
    lines += [f"{line}\n" for line in (*_legend(outcome), *conditions(outcome))]
    lines += [f"- {label}: {how} (`{driver}`)." for label, how, driver in notes(outcome)]
    return "\n".join(lines) + "\n"
