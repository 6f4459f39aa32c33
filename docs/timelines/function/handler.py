"""A function that says when it did what, in seconds of the clock that the measurement reads too."""

import time

began = time.time()

from rdspool import get_engine  # noqa: E402
from sqlalchemy import text  # noqa: E402

imported = time.time()
engine = get_engine()
ready = time.time()


def handler(_event: object, _context: object) -> dict[str, float]:
    start = time.time()
    with engine.connect() as connection:
        connection.execute(text("SELECT 1")).one()
        row = time.time()
    return {"began": began, "imported": imported, "ready": ready, "start": start, "row": row, "end": time.time()}
