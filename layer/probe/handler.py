"""The function of `inspect --run`: it connects, runs one query, and reports which files of the layer were compiled.

It runs in the Lambda environment, where it can import the layer but nothing else of this project.
"""

from __future__ import annotations

import sys
from typing import Any

_compiled: list[str] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    # Packages also compile code that they generate; its names are not paths.
    if event == "compile" and str(arguments[1]).startswith("/opt/"):
        _compiled.append(str(arguments[1]))


sys.addaudithook(_note)

import rdspool  # noqa: E402
from sqlalchemy import text  # noqa: E402

engine = rdspool.get_engine()


def handler(_event: Any, _context: Any) -> dict[str, Any]:
    """Return the session's user, the file of rdspool, and the files of the layer that were compiled until now."""
    with engine.connect() as connection:
        user = connection.execute(text("SELECT CURRENT_USER()")).scalar_one()
    return {"user": user, "package": rdspool.__file__, "compiled": _compiled}
