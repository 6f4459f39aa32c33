"""The results as tables: with rich for a terminal, in Markdown for docs/bench.md."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from .contenders import PEERS
from .losses import OURS, losses
from .measures import Measure
from .results import conditions, contenders, figure, notes, shown, text

FITTING = 9
"""Columns of figures that fit into 100 columns of a terminal."""


def _compared(outcome: dict[str, Any]) -> list[str]:
    return [peer for peer in PEERS if OURS in outcome["contenders"] and peer in outcome["contenders"]]


def _heads(outcome: dict[str, Any]) -> list[str]:
    labels = [outcome["contenders"][name]["label"] for name in contenders(outcome)]
    return [*labels, *(f"÷ {outcome['contenders'][peer]['label']}" for peer in _compared(outcome))]


def _ratio(outcome: dict[str, Any], peer: str, measure: Measure) -> str:
    ratio = outcome["contenders"][OURS]["ratios"][peer].get(measure.key)
    return "–" if ratio is None else f"{ratio:.2f}"


def _cells(outcome: dict[str, Any], measure: Measure, break_: str) -> list[str]:
    figures = [_cell(figure(outcome, name, measure), measure, break_) for name in contenders(outcome)]
    return [*figures, *(_ratio(outcome, peer, measure) for peer in _compared(outcome))]


def _cell(found: dict[str, float] | None, measure: Measure, break_: str) -> str:
    middle = text(None if found is None else found["median"], measure)
    if found is None or not measure.spread or found["lower"] == found["upper"]:
        return middle
    return f"{middle}{break_}{text(found['lower'], measure)}–{text(found['upper'], measure)}"


def _legend(outcome: dict[str, Any]) -> list[str]:
    compared = [outcome["contenders"][peer]["label"] for peer in _compared(outcome)]
    return [f"÷: rdspool's figure divided by that of {' or '.join(compared)}, in the same run."] if compared else []


def _sections(outcome: dict[str, Any]) -> list[tuple[str, list[Measure]]]:
    return [(section, list(measures)) for section, measures in groupby(shown(outcome), key=lambda one: one.section)]


def terminal(outcome: dict[str, Any]) -> RenderableType:
    """Return the tables, which fit into 100 columns, so without the ratios if there are many contenders; and the conditions of the run."""
    parts: list[RenderableType] = []
    heads = _heads(outcome)
    columns = len(heads) if len(heads) <= FITTING else len(contenders(outcome))
    for section, measures in _sections(outcome):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("", min_width=26, max_width=32)
        for head in heads[:columns]:
            table.add_column(escape(head), justify="right", min_width=7, max_width=11, style="bold" if head == OURS else None)
        for measure in measures:
            table.add_row(escape(measure.title), *_cells(outcome, measure, "\n")[:columns])
        parts += [f"[bold]{escape(section)}[/]", table]
    lines = [
        *losses(outcome),
        *_legend(outcome),
        *conditions(outcome),
        *(f"{label}: {how} ({driver})." for label, how, driver in notes(outcome)),
    ]
    return Group(*parts, *(Padding(escape(line), (0, 0, 0, 2)) for line in lines))


def markdown(outcome: dict[str, Any]) -> str:
    """Return the tables and the conditions of the run for docs/bench.md."""
    lines = []
    heads = [f"**{head}**" if head == OURS else head for head in _heads(outcome)]
    for section, measures in _sections(outcome):
        lines += [f"| {section} | {' | '.join(heads)} |", f"|---|{'--:|' * len(heads)}"]
        for measure in measures:
            cells = _cells(outcome, measure, "<br>")
            if OURS in contenders(outcome):
                place = contenders(outcome).index(OURS)
                middle, *spread = cells[place].split("<br>")
                cells[place] = "<br>".join([f"**{middle}**", *spread])
            lines.append(f"| {measure.title} | {' | '.join(cells)} |")
        lines.append("")
    lines += [*losses(outcome), ""]
    lines += [f"{line}\n" for line in (*_legend(outcome), *conditions(outcome))]
    lines += [f"- {label}: {how} (`{driver}`)." for label, how, driver in notes(outcome)]
    return "\n".join(lines) + "\n"
