"""Return the id of the database connection, and the duration of the query."""

import time
from typing import Any

from rdspool import get_engine
from sqlalchemy import text

engine = get_engine()


def handler(_event: Any, _context: Any) -> dict[str, float]:
    begin = time.perf_counter()
    with engine.connect() as connection:
        connection_id = connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
    return {"connection_id": connection_id, "duration_ms": round((time.perf_counter() - begin) * 1000, 3)}
