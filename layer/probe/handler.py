"""The function that a layer is tried with: connects, asks one thing, and tells what it saw of the layer.

Runs within the Lambda environment, from a folder of its own: it knows the layer and nothing else of this project.
"""

from __future__ import annotations

import sys
from typing import Any

_compiled: list[str] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    # Packages also compile code that they write as they run, under names that are no files.
    if event == "compile" and str(arguments[1]).startswith("/opt/"):
        _compiled.append(str(arguments[1]))


sys.addaudithook(_note)

import rdspool  # noqa: E402
from sqlalchemy import text  # noqa: E402

engine = rdspool.get_engine()


def handler(_event: Any, _context: Any) -> dict[str, Any]:
    """Returns the session's user, where rdspool is, and the layer's files compiled so far."""
    with engine.connect() as connection:
        user = connection.execute(text("SELECT CURRENT_USER()")).scalar_one()
    return {"user": user, "package": rdspool.__file__, "compiled": _compiled}
