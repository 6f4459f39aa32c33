"""Write the figures of README.md, README.ja.md and the pages in docs/ from what the commands in this tree print.

usage: python tests/readme.py [run] [bench]      (both without arguments)

`run` runs examples/run.sh for the table of invocations. `bench` takes the tables, the round trips and the rows where a peer is ahead from the
last tests/bench/run.sh and `python -m tests.bench.cold_start --save`. A text stands between the marks <!-- NAME:begin --> and <!-- NAME:end -->.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "tests/bench/results.json"
COLD_START = ROOT / "tests/bench/cold_start.json"
COLUMNS = ("invocation", "start", "connection_id", "connection", "init_ms", "duration_ms", "round_trips")
BRIEF = ("cold_round_trips", "write_round_trips", "import_cpu", "reconnect_cpu", "rows_many_cpu", "cold_rss")
"""The measures of the README's table."""
BRIEF_CONTENDERS = ("original", "stock_c", "pymysql", "wrapper", "rdspool")
OURS = "rdspool"
LEAST = 0.01
"""The smallest difference, as a part of rdspool's figure, that counts as being ahead."""
JAPANESE = {
    "cold_round_trips": "接続から最初の行まで",
    "write_round_trips": "UPDATE + COMMIT (接続済み)",
    "import_cpu": "import とエンジンの作成",
    "reconnect_cpu": "再接続",
    "rows_many_cpu": "10,000 行 (9 列) の SELECT",
    "cold_rss": "最初のクエリーの後",
}
_UNITS = {"round trips": "往復", "ms of CPU": "CPU ms", "MiB": "MiB"}


def invocations() -> str:
    """Return the table of one run of the main job."""
    done = subprocess.run([ROOT / "examples/run.sh", "--json"], check=True, stdout=subprocess.PIPE, text=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    lines = [[name.replace("_", " ") for name in COLUMNS], ["---"] * len(COLUMNS)]
    lines += [["" if row[name] is None else str(row[name]) for name in COLUMNS] for row in rows]
    versions = ", ".join(f"{name} {version(name)}" for name in ("rdspool", "SQLAlchemy", "mysql-connector-python"))
    today = dt.datetime.now(dt.UTC).date()
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n`examples/run.sh` on {today}: {versions}."


def median(outcome: dict[str, Any], contender: str, key: str) -> float | None:
    """Return the median of a contender for a measure, or None where it was not measured."""
    found = outcome["contenders"][contender]["figures"].get(key)
    return None if found is None else float(found["median"])


def shown(value: float | None) -> str:
    """Return a figure as text: whole numbers as they are, others with three digits."""
    if value is None:
        return "–"
    if value == int(value):
        return f"{value:,.0f}"
    return next((f"{value:.{digits}f}" for limit, digits in ((10, 2), (100, 1)) if value < limit), f"{value:,.0f}")


def figure(outcome: dict[str, Any]) -> str:
    """Return the README's one figure."""
    ours, theirs = (shown(median(outcome, name, "cold_round_trips")) for name in (OURS, "pymysql"))
    return f"**A cold connect to the first row takes {ours} round trips. PyMySQL needs {theirs}.**"


def figure_ja(outcome: dict[str, Any]) -> str:
    """Return the same figure in Japanese."""
    ours, theirs = (shown(median(outcome, name, "cold_round_trips")) for name in (OURS, "pymysql"))
    return f"**新しい接続から最初の行までの往復は {ours} 回です。PyMySQL では {theirs} 回です。**"


def brief(outcome: dict[str, Any], titles: dict[str, str] | None = None, units: dict[str, str] | None = None) -> str:
    """Return the README's table: a row for each of `BRIEF`."""
    names = [name for name in BRIEF_CONTENDERS if name in outcome["contenders"]]
    heads = [outcome["contenders"][name]["label"] for name in names]
    lines = [f"| | {' | '.join(f'**{head}**' if name == OURS else head for name, head in zip(names, heads, strict=True))} |"]
    lines.append(f"|---|{'--:|' * len(names)}")
    for key in BRIEF:
        measure = outcome["measures"][key]
        cells = [shown(median(outcome, name, key)) for name in names]
        cells[names.index(OURS)] = f"**{cells[names.index(OURS)]}**"
        title, unit = (titles or {}).get(key, measure["title"]), (units or {}).get(measure["unit"], measure["unit"])
        lines.append(f"| {title}, {unit} | {' | '.join(cells)} |")
    return "\n".join(lines)


def ahead(outcome: dict[str, Any]) -> str:
    """Return a table of the measures in which a peer has a smaller median than rdspool, with each such peer."""
    lines = ["| measure | rdspool | ahead of it |", "|---|--:|---|"]
    for key, measure in outcome["measures"].items():
        ours = median(outcome, OURS, key)
        peers = {name: median(outcome, name, key) for name, one in outcome["contenders"].items() if name != OURS and one["driver"]}
        better = {name: value for name, value in peers.items() if ours is not None and value is not None and value < ours * (1 - LEAST)}
        if ours is not None and better:
            named = (
                f"{outcome['contenders'][name]['label']} {shown(value)}" for name, value in sorted(better.items(), key=lambda one: one[1])
            )
            lines.append(f"| {measure['section']}: {measure['title']} | {shown(ours)} | {', '.join(named)} |")
    return "\n".join(lines) if len(lines) > 2 else "No peer is ahead of rdspool in any row."


def cold() -> str:
    """Return what a cold start costs, as a part of the same packages' of pip."""
    found = json.loads(COLD_START.read_text())
    ratios = found["ratios"]
    return (
        f"Imports and engine take {ratios['imports and engine']:.2f} of the CPU of the same packages from pip, with the ORM "
        f"{ratios['with the ORM']:.2f} (medians of {found['rounds']} rounds, {found['date']}, Python {found['python']}; "
        "`python -m tests.bench.cold_start LAYER.zip --save` measures it)."
    )


def put(page: str, name: str, text: str) -> None:
    """Put `text` between the marks of that name in a page. Raises LookupError where it has none."""
    path = ROOT / page
    marked = re.compile(rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
    new, found = marked.subn(lambda match: f"{match[1]}{text.strip()}\n{match[2]}", path.read_text())
    if not found:
        raise LookupError(f"{page} has no <!-- {name}:begin --> and <!-- {name}:end -->")
    path.write_text(new)


def bench() -> list[tuple[str, str, str]]:
    """Return what the benchmark's results say: page, mark and text of each place."""
    outcome = json.loads(RESULTS.read_text())
    return [
        ("README.md", "figure", figure(outcome)),
        ("README.md", "brief", brief(outcome)),
        ("README.ja.md", "figure", figure_ja(outcome)),
        ("README.ja.md", "brief", brief(outcome, JAPANESE, _UNITS)),
        ("docs/bench.md", "bench", RESULTS.with_suffix(".md").read_text()),
        ("docs/bench.md", "ahead", ahead(outcome)),
        ("docs/index.md", "cold", cold()),
    ]


if __name__ == "__main__":
    chosen = sys.argv[1:] or ["run", "bench"]
    if not {*chosen} <= {"run", "bench"}:
        sys.exit(__doc__)
    if "bench" in chosen:
        for place in bench():
            put(*place)
    if "run" in chosen:
        put("docs/index.md", "run", invocations())
