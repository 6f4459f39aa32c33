"""Prices in a currency, from a function with SnapStart: what is loaded during init is in the snapshot, the connection is not."""

import time
from typing import Any

from rdspool import get_engine
from sqlalchemy import text

# The snapshot is taken after this module was imported, so what is slow and the same everywhere belongs here. rdspool keeps connections and
# tokens out of the snapshot. RDSPOOL_CONNECT=init lets each restored environment connect at once, before its first invocation.
engine = get_engine()
FIND = text("SELECT price * rate AS price FROM items JOIN rates WHERE item = :item AND currency = :currency")
KEPT = 60.0  # seconds

# Not during init: a snapshot can be weeks old when it is restored.
_prices: dict[tuple[str, str], tuple[float, str | None]] = {}


def price(item: str, currency: str) -> str | None:
    # The wall clock, because the monotonic one may stand still in a snapshot.
    kept = _prices.get((item, currency))
    if kept is None or time.time() - kept[0] > KEPT:
        with engine.connect() as connection:
            found = connection.execute(FIND, {"item": item, "currency": currency}).scalar_one_or_none()
        _prices[item, currency] = kept = (time.time(), None if found is None else f"{found:.2f}")
    return kept[1]


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return {"item": event["item"], "currency": event["currency"], "price": price(event["item"], event["currency"])}
