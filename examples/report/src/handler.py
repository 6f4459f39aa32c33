"""Write all orders of a day as CSV to S3, row by row: the memory does not depend on the number of orders."""

import csv
import gzip
import os
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from rdspool import get_engine
from sqlalchemy import text

engine = get_engine()
ORDERS = text("SELECT id, item, amount, placed FROM orders WHERE placed >= :day AND placed < :day + INTERVAL 1 DAY ORDER BY id")
FILE = Path("/tmp/orders.csv.gz")  # noqa: S108 - the only folder that a function can write to


def write(day: date) -> int:
    """Write the orders of the day to FILE, and return their number."""
    count = 0
    with gzip.open(FILE, "wt", newline="") as file, engine.connect() as connection:
        # yield_per: the driver reads rows when they are fetched, 1,000 at a time.
        rows = connection.execution_options(yield_per=1000).execute(ORDERS, {"day": day})
        writer = csv.writer(file)
        writer.writerow(rows.keys())
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    # EventBridge gives the time of the schedule: an invocation that is repeated writes the same report.
    day = (datetime.fromisoformat(event["time"]) - timedelta(days=1)).date()
    count, key = write(day), f"orders/{day}.csv.gz"
    if bucket := os.environ.get("REPORT_BUCKET"):  # without it, the report is only written: to try the function
        boto3.client("s3").upload_file(str(FILE), bucket, key)
    return {"key": key, "orders": count}
