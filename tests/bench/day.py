"""Draw a day of the model of `python -m rdspool size` as an SVG file: requests, and the connections that each setting needs for them.

usage: tests/bench/run.sh --day
"""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path

import svg as draw
from rdspool.sizing import DAY, HOUR, Model, Outcome, arrivals, shape, simulate

PEAK, BASE, PEAK_HOUR = 14.0, 1.0, 14.0
"""Requests per second, and the hour."""
BURST = 90.0
"""Requests per second in the half hour around 20:00, as after a newsletter."""
DURATION = 0.3
"""Seconds of a request."""
LIMIT = 45
"""The server's max_connections."""
SEED = 1
STEP = 5
"""Minutes of a point: the most of them."""

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 860, 380, 48, 64, 24, 44
STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.ground { fill: #ffffff; stroke: #d1d9e0 } .title { font-size: 16px; font-weight: 600 } .quiet { fill: #59636e } .end { text-anchor: end }
.middle { text-anchor: middle } .axis { stroke: #d1d9e0 } .line { fill: none; stroke-width: 1.5 } .limit { stroke: #cf222e; stroke-dasharray: 5 4 }
.requests { fill: #afb8c1; stroke: none } .keep { stroke: #9a6700 } .automatic { stroke: #0969da } .red { fill: #cf222e }
.of-keep { fill: #9a6700 } .of-automatic { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .ground { fill: #0d1117; stroke: #3d444d } .quiet { fill: #9198a1 } .axis { stroke: #3d444d }
  .requests { fill: #656c76 } .automatic { stroke: #4493f8 } .of-automatic { fill: #4493f8 } .keep { stroke: #d29922 } .of-keep { fill: #d29922 }
}
"""


def outcome(model: Model) -> Outcome:
    """Return what the day is in the model."""
    rates = shape(PEAK, BASE, PEAK_HOUR)
    evening = [0.0] * 20 + [BURST] + [0.0] * 3
    day = list(arrivals(rates, DURATION, SEED))
    day += [(at, duration) for at, duration in arrivals(evening, DURATION, SEED + 1) if abs(at - 20 * HOUR) < HOUR / 4]
    return simulate(model, sorted(day), DAY)


def svg() -> str:
    """Return the text of the SVG file."""
    kept = outcome(Model(connections="keep"))
    limited = {mode: outcome(replace(Model(), connections=mode, max_connections=LIMIT)) for mode in ("keep", "automatic")}
    most = max(kept.peak_connections, LIMIT) * 1.05
    places = {
        "keep": _points([minute[2] for minute in kept.minutes], most),
        "automatic": _points([minute[2] for minute in limited["automatic"].minutes], most),
    }
    requests = _points([minute[0] for minute in kept.minutes], most)
    floor = _y(0, most)
    title = "A day of a function's connections"
    lost = [f"{mode}: {one.refused} of {one.requests:,} requests fail" for mode, one in limited.items()]
    parts: list[draw.Element] = [
        draw.Title(text=title),
        draw.Style(text=STYLE),
        draw.Rect(class_=["ground"], x=0.5, y=0.5, width=WIDTH - 1, height=HEIGHT - 1, rx=6),
        _text(20, 30, title, "title"),
        _text(20, 50, f"with max_connections={LIMIT}, {'; '.join(lost)}", "quiet"),
        draw.Polygon(class_=["requests"], points=[LEFT, floor, *requests, WIDTH - RIGHT, floor]),
    ]
    for name, points in places.items():
        parts.append(draw.Polyline(class_=["line", name], points=points))
    limit = _y(LIMIT, most)
    parts.append(draw.Line(class_=["limit"], x1=LEFT, x2=WIDTH - RIGHT, y1=limit, y2=limit))
    for hour in range(0, 25, 4):
        x = LEFT + hour / 24 * (WIDTH - LEFT - RIGHT)
        parts += [draw.Line(class_=["axis"], x1=x, x2=x, y1=TOP, y2=floor), _text(x, floor + 16, f"{hour}:00", "quiet", "middle")]
    for value in range(0, int(most), 20):
        parts.append(_text(LEFT - 8, _y(value, most) + 4, str(value), "quiet", "end"))
    legend = (
        ("requests at one moment", "quiet"),
        ("connections=keep, without a limit", "of-keep"),
        ("connections=automatic (the default)", "of-automatic"),
        (f"max_connections={LIMIT}", "red"),
    )
    for number, (name, kind) in enumerate(legend):
        parts.append(_text(LEFT + 8, limit + 18 + number * 17, name, kind))
    about = f"tests/bench/run.sh --day: {PEAK:g} requests per second at {PEAK_HOUR:g}:00, {BURST:g} more around 20:00, {DURATION * 1000:g} ms each."
    parts.append(_text(20, HEIGHT - 10, about, "quiet"))
    return f"{draw.SVG(viewBox=draw.ViewBoxSpec(0, 0, WIDTH, HEIGHT), width=WIDTH, height=HEIGHT, elements=parts)}\n"


def _y(value: float, most: float) -> float:
    return round(HEIGHT - BOTTOM - value / most * (HEIGHT - BOTTOM - TOP), 1)


def _points(minutes: list[int], most: float) -> list[float]:
    """Return the coordinates of a line: the most of each `STEP` minutes."""
    values = [max(minutes[start : start + STEP]) for start in range(0, 24 * 60, STEP)]
    points: list[float] = []
    for number, value in enumerate(values):
        points += [round(LEFT + number / (len(values) - 1) * (WIDTH - LEFT - RIGHT), 1), _y(value, most)]
    return points


def _text(x: float, y: float, content: str, *kinds: str) -> draw.Text:
    # The library does not escape text.
    return draw.Text(x=x, y=y, text=escape(content), class_=list(kinds) or None)


if __name__ == "__main__":
    Path(__file__).with_name("day.svg").write_text(svg())
