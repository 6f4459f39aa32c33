"""The doctor: finds out why a function does not reach its database, step by step, and says what to do.

`python -m rdspool doctor` runs it on a machine. `rdspool.doctor.handler` runs it as a function: in the VPC, with the role, the layer and the
variables of the function that has the problem. Nothing else of rdspool imports it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from .. import deadlines
from .._settings.places import wrong_name
from ..errors import SettingsError
from .examination import examine, summary
from .patient import Patient
from .report import conclusion, lines
from .step import Result


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Handle an invocation: write each step to the function's log as soon as it is done, and return the report, whose form docs/doctor.md describes.

    `event` is `{"name": "reporting"}` for a named engine, anything else for the unnamed one. All waits end before the invocation does.

    Raises SettingsError for a name that no engine can have.
    """
    name = event.get("name") if isinstance(event, dict) else None
    wrong = wrong_name(name)
    if wrong is not None:
        raise SettingsError(wrong)
    remaining = getattr(context, "get_remaining_time_in_millis", lambda: 0)() / 1000
    parts = str(getattr(context, "invoked_function_arn", "")).split(":")
    patient = Patient(name, parts[4] if len(parts) > 4 and parts[4].isdecimal() else None)

    def seen(result: Result) -> None:
        sys.stdout.write("\n".join(lines(result, colour=False)) + "\n")
        sys.stdout.flush()

    if remaining > 0:
        with deadlines.deadline(remaining):
            results = examine(patient, seen)
    else:
        results = examine(patient, seen)
    found = summary(name, results)
    sys.stdout.write(f"{conclusion(found)}\n")
    made: dict[str, Any] = json.loads(json.dumps(found))
    return made
