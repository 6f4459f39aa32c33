"""Store the orders of an SQS queue, each in a transaction of its own. What fails goes back to the queue."""

import json
import logging
from typing import Any

from rdspool import get_engine, run
from sqlalchemy import Connection, text

logger = logging.getLogger(__name__)
engine = get_engine()

KNOWN = text("SELECT 1 FROM orders WHERE id = :id")
ADD = text("INSERT INTO orders (id, item, amount) VALUES (:id, :item, :amount)")
TAKE = text("UPDATE stock SET amount = amount - :amount WHERE item = :item AND amount >= :amount")


class OutOfStockError(Exception):
    pass


def store(connection: Connection, order: dict[str, Any]) -> None:
    # SQS can deliver a message twice, and a COMMIT can happen although its answer was lost. If another environment stores the same order at
    # this moment, the primary key refuses this one, and the message comes again.
    if connection.execute(KNOWN, order).first():
        return
    connection.execute(ADD, order)
    if connection.execute(TAKE, order).rowcount != 1:
        raise OutOfStockError(order["item"])  # rolls the order back


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    failed = []
    for record in event["Records"]:
        try:
            order = json.loads(record["body"])
            # Runs again after a deadlock or a lost connection, not after any other error.
            run(engine, lambda connection, order=order: store(connection, order))  # type: ignore[misc]
        except Exception:
            logger.exception("message %s failed", record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
    # SQS deletes the other messages, and delivers these again.
    return {"batchItemFailures": failed}
