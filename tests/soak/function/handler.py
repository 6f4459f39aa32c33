"""The function of the soak: one unit of work per invocation. It answers what became of the unit, and how large its process is.

SOAK_VARIANT names a way to be wrong, for the tests of the check.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from rdspool import OutcomeUnknownError, get_engine, run
from sqlalchemy import text
from sqlalchemy.orm import sessionmaker

VARIANT = os.environ.get("SOAK_VARIANT", "sound")
engine = get_engine(isolation_level="AUTOCOMMIT") if VARIANT == "splits" else get_engine()
sessions = sessionmaker(engine)
leaked: list[Any] = []


class Refusal(Exception):
    """The unit's own reason to roll back."""


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Run the unit `event` in the way that it names."""
    how, error = event["how"], None
    try:
        if how == "left open":
            move(engine.connect(), event)
            outcome = "left open"
        else:
            unit(sessions if how == "session" else engine, event)
            outcome = "committed"
    except Refusal:
        outcome = "rolled back"
    except Exception as raised:  # noqa: BLE001 - whatever it is, it says that nothing was committed
        cause = getattr(raised, "orig", None) or raised
        unknown = isinstance(cause, OutcomeUnknownError)
        outcome = "unknown" if unknown else "failed"
        if unknown and VARIANT in ("hopes", "gives up"):
            outcome = "committed" if VARIANT == "hopes" else "failed"
        error = f"{type(cause).__name__} {getattr(cause, 'errno', None) or ''}".strip()
        # run() notes how often it ran a unit that another run could mend.
        for note in getattr(raised, "__notes__", ()):
            if found := re.search(r"was run (\d+) times", note):
                error += f", run {found[1]} times"
    if VARIANT == "leaks":
        leaked.append((bytearray(os.urandom(200_000)), os.open("/dev/null", os.O_RDONLY)))
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[1])
    return {
        "outcome": outcome,
        "error": error,
        "memory": pages * os.sysconf("SC_PAGE_SIZE"),
        "descriptors": sum(1 for _ in Path("/proc/self/fd").iterdir()),
    }


def unit(begins: Any, event: dict[str, Any]) -> None:
    """Run the unit with rdspool's run(), or as the variant does."""
    while True:
        try:
            if VARIANT == "splits":
                with begins.begin() as connection:
                    return move(connection, event)
            return run(begins, lambda connection: move(connection, event))
        except Exception as error:
            if VARIANT != "replays" or not isinstance(getattr(error, "orig", None), OutcomeUnknownError):
                raise


def move(connection: Any, event: dict[str, Any]) -> None:
    """Move money between two accounts, and note the unit in the same transaction."""
    connection.execute(text("INSERT INTO units (id, source, target, amount) VALUES (:id, :source, :target, :amount)"), event)
    connection.execute(text("UPDATE accounts SET amount = amount - :amount WHERE id = :source"), event)
    if event["how"] == "rolled back":
        raise Refusal
    connection.execute(text("UPDATE accounts SET amount = amount + :amount WHERE id = :target"), event)
