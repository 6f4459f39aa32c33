"""The function of `inspect --run` and of `canary`: it connects, runs one query, and reports which files of the layer were compiled.

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


def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Return the session's user, the file of rdspool, and the files of the layer that were compiled until now.

    With `alone` in the event, there is no database: return the class of the error with which the connect fails.
    """
    found: dict[str, Any] = {"package": rdspool.__file__}
    try:
        with engine.connect() as connection:
            found["user"] = connection.execute(text("SELECT CURRENT_USER()")).scalar_one()
    except Exception as error:
        if not (event or {}).get("alone"):
            raise
        found["error"] = type(getattr(error, "orig", None) or error).__name__
    return found | {"compiled": _compiled}
