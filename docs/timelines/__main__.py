"""Measure and draw, or with --draw only draw what was measured last.

usage: python -m docs.timelines [--draw]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from . import drawing, runs

HERE = Path(__file__).parent
MEASURED = HERE / "runs.json"

if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--draw"]):
        sys.exit(__doc__)
    if not sys.argv[1:]:
        found = {"facts": runs.facts(), "starts": runs.starts(), "failover": runs.failover()}
        MEASURED.write_text(json.dumps(found, indent=1) + "\n")
    measured = json.loads(MEASURED.read_text())
    for name, one in measured["starts"].items():
        (HERE / f"{name}.svg").write_text(drawing.start(name, one, measured["facts"]))
    (HERE / "failover.svg").write_text(drawing.failover(measured["failover"], measured["facts"]))
