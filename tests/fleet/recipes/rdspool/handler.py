"""The recipe of rdspool."""

from __future__ import annotations

from typing import Any

from rdspool import get_engine
from sqlalchemy import text

engine = get_engine()


def handler(event: dict[str, Any], _context: Any) -> int:
    """Run a query of `seconds`, and return the number of the connection."""
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT CONNECTION_ID() + SLEEP(:seconds)"), event).scalar_one())
