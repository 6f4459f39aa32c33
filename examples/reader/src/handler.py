"""Write orders at the cluster's writer endpoint, and read them at its reader endpoint."""

from typing import Any

from rdspool import get_engine, run
from sqlalchemy import text

writer = get_engine(role="writer")
reader = get_engine("reader", isolation_level="AUTOCOMMIT")

# The id is the sender's. So an order that is delivered twice, or sent again after a lost answer, is written once.
ADD = text("INSERT INTO orders (id, item) VALUES (:id, :item) ON DUPLICATE KEY UPDATE id = id")
LIST = text("SELECT id, item FROM orders ORDER BY id")


def handler(event: dict[str, str], _context: Any) -> dict[str, Any]:
    if "id" in event:
        run(writer, lambda connection: connection.execute(ADD, {"id": event["id"], "item": event["item"]}))
        return {"added": event["id"]}
    with reader.connect() as connection:
        return {"orders": [dict(row) for row in connection.execute(LIST).mappings()]}
