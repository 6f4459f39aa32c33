"""The command `python -m rdspool doctor`: the report on the terminal, or as JSON."""

from __future__ import annotations

import json
import os
import sys
from typing import TextIO

from .._settings.places import wrong_name
from .examination import examine, summary
from .patient import Patient
from .report import conclusion, lines
from .step import Result


def run(name: str | None, *, as_json: bool = False, colour: bool | None = None, out: TextIO | None = None) -> int:
    """Examine the engine `name` (None: the unnamed one), print what is found, and return the exit status: 1 where something failed, else 0.

    `colour` None: on a terminal, where NO_COLOR is not set. `out` None: the standard output. Returns 2 for a name that no engine can have.
    """
    out = sys.stdout if out is None else out
    wrong = wrong_name(name)
    if wrong is not None:
        sys.stderr.write(f"{wrong}\n")
        return 2
    if colour is None:
        colour = out.isatty() and not os.environ.get("NO_COLOR")

    def seen(result: Result) -> None:
        out.write("\n".join(lines(result, colour=colour)) + "\n")
        out.flush()

    results = examine(Patient(name), (lambda _: None) if as_json else seen)
    found = summary(name, results)
    out.write(json.dumps(found, indent=1) + "\n" if as_json else f"\n{conclusion(found)}\n")
    return 0 if found["ok"] else 1
