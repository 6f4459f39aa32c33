"""Draw the runs as SVG files. They use the reader's light or dark colours and have a ground of their own."""

from __future__ import annotations

from html import escape
from textwrap import wrap
from typing import Any

import svg as draw

WIDTH, LEFT, RIGHT = 600, 214, 68
"""Widths of the drawing, of the labels, and of the figures behind the bars."""
TOP, ROW, BAR, LINE = 52, 24, 14, 16
STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.ground { fill: #ffffff; stroke: #d1d9e0 } .title { font-size: 16px; font-weight: 600 } .head { font-weight: 600 } .quiet { fill: #59636e }
.end { text-anchor: end } .middle { text-anchor: middle } .axis { stroke: #d1d9e0 }
.work { fill: #afb8c1 } .ours { fill: #0969da } .trip { fill: #1a7f37 } .lost { fill: #cf222e } .again { fill: #bf8700 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .ground { fill: #0d1117; stroke: #3d444d } .quiet { fill: #9198a1 } .axis { stroke: #3d444d }
  .work { fill: #656c76 } .ours { fill: #4493f8 } .trip { fill: #3fb950 } .lost { fill: #f85149 } .again { fill: #d29922 }
}
"""
TITLES = {"cold-start": "A cold start", "warm-start": "A warm start", "reconnect": "A reconnect after RDSPOOL_POOL_RECYCLE"}


def start(name: str, run: dict[str, Any], facts: dict[str, Any]) -> str:
    """Return the drawing of a cold start, a warm start or a reconnect: a bar for each part, with its milliseconds."""
    parts: list[draw.Element] = []
    top = TOP
    trips = sum(one["kind"] == "trip" for one in run["invocation"])
    heads = {
        "init": "Init: {:.0f} ms",
        "invocation": f"The handler: {{:.1f}} ms, {trips} round trips with {facts['delay_ms']:g} ms of delay each",
    }
    for panel, head in heads.items():
        rows = run[panel]
        if rows:
            total = run["total"] if panel == "invocation" else rows[-1]["end"]
            parts += _panel(head.format(total), rows, total, top)
            top += LINE + 12 + len(rows) * ROW + 10
    return _file(TITLES[name], parts, top, facts, f"the fastest of {facts['runs']} runs")


def _panel(head: str, rows: list[dict[str, Any]], total: float, top: int) -> list[draw.Element]:
    room = WIDTH - LEFT - RIGHT
    parts: list[draw.Element] = [_text(20, top + 12, head, "head")]
    first = top + LINE + 8
    parts.append(draw.Line(class_=["axis"], x1=LEFT, x2=LEFT, y1=first, y2=first + len(rows) * ROW))
    for number, one in enumerate(rows):
        middle = first + number * ROW + ROW / 2
        x, wide = (round(LEFT + room * value / total, 1) for value in (one["begin"], one["end"]))
        parts += [
            _text(LEFT - 8, middle + 4, one["label"], "end"),
            draw.Rect(class_=[one["kind"]], x=x, y=middle - BAR / 2, width=max(1.5, round(wide - x, 1)), height=BAR, rx=2),
            _text(max(wide, x + 1.5) + 5, middle + 4, f"{one['end'] - one['begin']:.1f} ms", "quiet"),
        ]
    return parts


def failover(run: dict[str, Any], facts: dict[str, Any]) -> str:
    """Return the drawing of the failover: the cluster above, and below it the units of work."""
    end, events, units = run["end"], run["events"], run["units"]
    left, room = 150, WIDTH - 150 - 24

    def x(at: float) -> float:
        return round(left + room * at / end, 1)

    lanes = (
        ("takes writes", ((0, events["cut"], "work", "server 1"), (events["writer"], end, "ours", "server 2"))),
        ("the name leads to", ((0, events["name"], "work", "server 1"), (events["name"], end, "ours", "server 2"))),
    )
    parts: list[draw.Element] = []
    for number, (label, spans) in enumerate(lanes):
        y = TOP + 6 + number * 30
        parts.append(_text(left - 8, y + 14, label, "end"))
        for begin, until, kind, name in spans:
            parts.append(
                draw.Rect(class_=[kind], x=x(begin), y=y, width=max(1.5, round(x(until) - x(begin), 1)), height=BAR + 4, rx=2, opacity=0.45)
            )
            parts.append(_text(x(begin) + 6, y + 14, name))
    y = TOP + 6 + 2 * 30
    parts.append(_text(left - 8, y + 14, "units of work", "end"))
    for unit in units:
        kind = "again" if unit["runs"] > 1 or unit["end"] - unit["begin"] > (events["name"] - events["writer"]) / 2 else "trip"
        parts.append(
            draw.Rect(
                class_=[kind], x=x(unit["begin"]), y=y, width=max(1.5, round(x(unit["end"]) - x(unit["begin"]), 1)), height=BAR + 4, rx=2
            )
        )
    floor = y + 34
    parts.append(draw.Line(class_=["axis"], x1=left, x2=left + room, y1=floor, y2=floor))
    for second in range(int(end) + 1):
        parts += [
            draw.Line(class_=["axis"], x1=x(second), x2=x(second), y1=floor, y2=floor + 5),
            _text(x(second), floor + 18, f"{second} s", "quiet", "middle"),
        ]
    longest = max(units, key=lambda unit: unit["end"] - unit["begin"])
    runs = max(unit["runs"] for unit in units)
    below = (
        f"{events['cut']:.1f} s: connections are cut. {events['writer']:.1f} s: server 2 takes writes. {events['name']:.1f} s: the name leads to it.",
        f"{len(units)} units of work, all committed once. The longest took {longest['end'] - longest['begin']:.1f} s and ran {runs} times.",
    )
    for number, line in enumerate(below):
        parts.append(_text(20, floor + 44 + number * 18, line))
    return _file("A failover", parts, floor + 74, facts, "one run")


def _file(title: str, parts: list[draw.Element], height: float, facts: dict[str, Any], which: str) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    foot = wrap(f"docs/run.sh --timelines, {facts['date']}, {which}: {versions}", 78)
    full = int(height) + len(foot) * LINE + 14
    elements: list[draw.Element] = [
        draw.Title(text=title),
        draw.Style(text=STYLE),
        draw.Rect(class_=["ground"], x=0.5, y=0.5, width=WIDTH - 1, height=full - 1, rx=6),
        _text(20, 32, title, "title"),
        *parts,
        *(_text(20, height + 14 + number * LINE, line, "quiet") for number, line in enumerate(foot)),
    ]
    return f"{draw.SVG(viewBox=draw.ViewBoxSpec(0, 0, WIDTH, full), width=WIDTH, height=full, elements=elements)}\n"


def _text(x: float, y: float, content: str, *kinds: str) -> draw.Text:
    # The library does not escape text.
    return draw.Text(x=round(x, 1), y=y, text=escape(content), class_=list(kinds) or None)
