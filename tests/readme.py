"""Writes the README's figures from what the commands in this tree print: `python tests/readme.py`.

The table of invocations comes from a run of examples/run.sh, that of the benchmark from the last tests/bench/run.sh.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
COLUMNS = ("invocation", "start", "connection_id", "connection", "init_ms", "duration_ms", "round_trips")


def invocations() -> str:
    """Return the table of one run of the main job."""
    done = subprocess.run([ROOT / "examples/run.sh", "--json"], check=True, stdout=subprocess.PIPE, text=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    lines = [[name.replace("_", " ") for name in COLUMNS], ["---"] * len(COLUMNS)]
    lines += [["" if row[name] is None else str(row[name]) for name in COLUMNS] for row in rows]
    versions = ", ".join(f"{name} {version(name)}" for name in ("rdspool", "SQLAlchemy", "mysql-connector-python"))
    today = dt.datetime.now(dt.UTC).date()
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n`examples/run.sh` on {today}: {versions}."


def put(name: str, text: str) -> None:
    """Put `text` between the README's marks of that name. Raises LookupError where it has none."""
    marked = re.compile(rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
    new, found = marked.subn(lambda match: f"{match[1]}{text.strip()}\n{match[2]}", README.read_text())
    if not found:
        raise LookupError(f"{README.name} has no <!-- {name}:begin --> and <!-- {name}:end -->")
    README.write_text(new)


if __name__ == "__main__":
    put("run", invocations())
    put("bench", (ROOT / "tests/bench/results.md").read_text())
