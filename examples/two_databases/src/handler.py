"""Bring the totals of a day from the shop's database into the one for reports."""

from datetime import date, datetime, timedelta
from typing import Any

from rdspool import get_engine, run
from sqlalchemy import Connection, text

# RDSPOOL_HOST and so on name the first database, RDSPOOL_REPORTING_HOST and so on the second one.
shop = get_engine(isolation_level="AUTOCOMMIT")  # one SELECT needs no transaction, so it costs one round trip
reporting = get_engine("reporting")

TOTALS = text(
    "SELECT item, SUM(amount) AS amount FROM orders WHERE placed >= :day AND placed < :day + INTERVAL 1 DAY GROUP BY item ORDER BY item"
)
FORGET = text("DELETE FROM totals WHERE day = :day")
ADD = text("INSERT INTO totals (day, item, amount) VALUES (:day, :item, :amount)")


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    day = (datetime.fromisoformat(event["time"]) - timedelta(days=1)).date()
    # Read first, then write: no transaction spans two databases, so no connection waits for the other one.
    with shop.connect() as connection:
        totals = [{"day": day, **row} for row in connection.execute(TOTALS, {"day": day}).mappings()]
    run(reporting, lambda connection: replace(connection, day, totals))
    return {"day": str(day), "items": len(totals)}


def replace(connection: Connection, day: date, totals: list[dict[str, Any]]) -> None:
    """Write the day whole: it may have been written before, by an invocation that was repeated."""
    connection.execute(FORGET, {"day": day})
    if totals:
        connection.execute(ADD, totals)
