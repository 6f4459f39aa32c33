"""Draw the results as an SVG file of small bar charts. It uses the reader's light or dark colours and has its own background."""

from __future__ import annotations

from html import escape
from textwrap import wrap
from typing import Any

import svg as draw

from .losses import OURS
from .measures import ALL, Measure
from .results import contenders, figure, median, text

SHOWN = (
    "cold_commands",
    "cold_round_trips",
    "autocommit_round_trips",
    "write_round_trips",
    "import_cpu",
    "orm_cpu",
    "import_files",
    "start_rss",
    "cold_cpu",
    "reconnect_cpu",
    "reconnect_all_cpu",
    "select_cpu",
    "write_cpu",
    "rows_few_cpu",
    "rows_many_cpu",
    "cold_wall_128mb",
    "reconnect_wall_128mb",
    "select_wall_128mb",
)
"""The measures that have a panel."""

COLUMNS = 2
MARGIN, GUTTER = 20, 36
PANEL = 400
LABEL, VALUE = 88, 56
"""Widths of the names on the left and of the figures on the right of the bars."""
HEAD, ROW, BAR = 30, 19, 12
TOP, LINE = 56, 16
WIDTH = 2 * MARGIN + COLUMNS * PANEL + (COLUMNS - 1) * GUTTER

STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.ground { fill: #ffffff; stroke: #d1d9e0 } .title { font-size: 16px; font-weight: 600 } .head { font-weight: 600 }
.quiet { fill: #59636e } .bar { fill: #afb8c1 } .ours { fill: #0969da } .axis { stroke: #d1d9e0 } .spread { stroke: #1f2328; stroke-width: 1.5; opacity: .55 } .strong { font-weight: 600 }
.end { text-anchor: end }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .ground { fill: #0d1117; stroke: #3d444d } .quiet { fill: #9198a1 } .bar { fill: #656c76 } .ours { fill: #4493f8 }
  .axis { stroke: #3d444d } .spread { stroke: #f0f6fc }
}
"""


UNITS = {"ms of CPU": "ms of CPU", "ms": "ms", "MiB": "MiB"}


def svg(outcome: dict[str, Any]) -> str:
    """Return the text of the SVG file."""
    names = contenders(outcome)
    measures = {one.key: one for one in ALL}
    panels = [measures[key] for key in SHOWN if any(median(outcome, name, measures[key]) is not None for name in names)]
    high = HEAD + len(names) * ROW + 16
    foot = [_when(outcome), *wrap(", ".join(f"{name} {version}" for name, version in outcome["versions"].items()), 130)]
    height = TOP + -(-len(panels) // COLUMNS) * high + len(foot) * LINE + MARGIN
    title = "rdspool and its peers: shorter is better"
    parts: list[draw.Element] = [
        draw.Title(text=title),
        draw.Style(text=STYLE),
        draw.Rect(class_=["ground"], x=0.5, y=0.5, width=WIDTH - 1, height=height - 1, rx=6),
        _text(MARGIN, 34, title, "title"),
    ]
    for number, measure in enumerate(panels):
        parts += _panel(outcome, measure, names, MARGIN + number % COLUMNS * (PANEL + GUTTER), TOP + number // COLUMNS * high)
    for number, line in enumerate(foot, 1):
        parts.append(_text(MARGIN, height - MARGIN - (len(foot) - number) * LINE, line, "quiet"))
    return f"{draw.SVG(viewBox=draw.ViewBoxSpec(0, 0, WIDTH, height), width=WIDTH, height=height, elements=parts)}\n"


def _panel(outcome: dict[str, Any], measure: Measure, names: list[str], left: int, top: int) -> list[draw.Element]:
    values = {name: figure(outcome, name, measure) for name in names}
    longest = max(found["upper"] for found in values.values() if found is not None)
    room = PANEL - LABEL - VALUE
    start = left + LABEL
    parts: list[draw.Element] = [
        _text(left, top + 14, _head(measure), "head"),
        draw.Line(class_=["axis"], x1=start, x2=start, y1=top + HEAD - 6, y2=top + HEAD + len(names) * ROW - 2),
    ]
    for number, (name, found) in enumerate(values.items()):
        middle = top + HEAD + number * ROW + BAR / 2
        kinds = ("strong",) if name == OURS else ()
        parts.append(_text(start - 8, middle + 4, outcome["contenders"][name]["label"], "end", *kinds))
        length, lower, upper = (round(room * found[end] / longest, 1) if found and longest else 0.0 for end in ("median", "lower", "upper"))
        if found is not None:
            bar = "ours" if name == OURS else "bar"
            parts.append(draw.Rect(class_=[bar], x=start, y=middle - BAR / 2, width=max(1.0, length), height=BAR, rx=2))
        if lower < upper:
            parts.append(draw.Line(class_=["spread"], x1=start + lower, x2=start + upper, y1=middle, y2=middle))
        value = text(None if found is None else found["median"], measure)
        parts.append(_text(start + max(length, upper) + 6, middle + 4, value, *(kinds or ("quiet",))))
    return parts


def _head(measure: Measure) -> str:
    title = measure.brief or measure.title
    if not measure.exact:
        title = f"{title} ({UNITS[measure.unit]})"
    elif measure.unit not in title:
        title = f"{measure.unit}: {title}"
    return title[0].upper() + title[1:]


def _when(outcome: dict[str, Any]) -> str:
    facts = outcome["machine"]
    return f"tests/bench/run.sh, {outcome['date']}, {facts['processor']}, {facts['cores']} cores, medians of one run (lines: the middle half), without a network."


def _text(x: float, y: float, content: str, *kinds: str) -> draw.Text:
    # The library does not escape text.
    return draw.Text(x=x, y=y, text=escape(content), class_=list(kinds) or None)
