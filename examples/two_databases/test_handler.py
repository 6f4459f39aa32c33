from pathlib import Path

import pytest
from handler import handler, reporting, shop
from sqlalchemy import text

EVENT = {"time": "2026-11-25T03:00:00Z"}


@pytest.fixture(scope="session")
def tables(rdspool_database):
    for engine, file in ((shop, "shop.sql"), (reporting, "reporting.sql")):
        with engine.begin() as connection:
            connection.execute(text(Path(__file__).with_name(file).read_text().partition(";\n")[0]))


@pytest.fixture
def order(tables, rdspool_rollback):
    """Return a function that adds an order to the shop's database."""

    def add(item, amount, placed):
        with shop.begin() as connection:
            values = {"item": item, "amount": amount, "placed": placed}
            connection.execute(text("INSERT INTO orders (item, amount, placed) VALUES (:item, :amount, :placed)"), values)

    return add


def totals():
    with reporting.connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT CAST(day AS CHAR), item, amount FROM totals ORDER BY day, item"))]


def test_the_totals_of_the_day_before(order, lambda_context):
    order("tea", 7, "2026-11-23 23:59:59")
    order("tea", 2, "2026-11-24 00:00:00")
    order("tea", 3, "2026-11-24 23:59:59")
    order("coffee", 1, "2026-11-24 12:00:00")
    order("tea", 7, "2026-11-25 00:00:00")
    assert handler(EVENT, lambda_context) == {"day": "2026-11-24", "items": 2}
    assert totals() == [("2026-11-24", "coffee", 1), ("2026-11-24", "tea", 5)]


def test_an_invocation_that_is_repeated_replaces_the_day(order, lambda_context):
    order("tea", 2, "2026-11-24 00:00:00")
    handler(EVENT, lambda_context)
    handler({"time": "2026-11-24T03:00:00Z"}, lambda_context)
    order("tea", 3, "2026-11-24 00:00:00")
    assert handler(EVENT, lambda_context) == {"day": "2026-11-24", "items": 1}
    assert totals() == [("2026-11-24", "tea", 5)]


@pytest.mark.usefixtures("order")
def test_a_day_without_orders(lambda_context):
    assert handler(EVENT, lambda_context) == {"day": "2026-11-24", "items": 0}
    assert totals() == []
