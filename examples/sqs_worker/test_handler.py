import json
from pathlib import Path

import pytest
from handler import handler
from sqlalchemy import text


@pytest.fixture(scope="session")
def tables(rdspool_engine):
    with rdspool_engine.begin() as connection:
        for statement in Path(__file__).with_name("schema.sql").read_text().split(";\n"):
            if statement:
                connection.execute(text(statement))


@pytest.fixture
def receive(tables, rdspool_rollback, lambda_context):
    """Return a function that delivers messages, and returns the numbers of those that failed."""

    def deliver(*bodies):
        records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
        failures = handler({"Records": records}, lambda_context)["batchItemFailures"]
        return [int(failure["itemIdentifier"]) for failure in failures]

    return deliver


@pytest.fixture
def left(receive, rdspool_engine):
    """Return a function that returns how much tea is left, and the ids of the orders."""

    def read():
        with rdspool_engine.connect() as connection:
            amount = connection.execute(text("SELECT amount FROM stock WHERE item = 'tea'")).scalar_one()
            return amount, connection.execute(text("SELECT id FROM orders ORDER BY id")).scalars().all()

    return read


def order(number, amount=1, item="tea"):
    return json.dumps({"id": number, "item": item, "amount": amount})


def test_orders_are_stored(receive, left):
    assert receive(order("a", 2), order("b", 3)) == []
    assert left() == (5, ["a", "b"])


def test_a_message_that_fails_does_not_stop_the_others(receive, left):
    assert receive(order("a"), "no JSON", order("b", 100), order("c", item="coffee"), order("d")) == [1, 2, 3]
    assert left() == (8, ["a", "d"])


@pytest.mark.parametrize("together", [True, False])
def test_a_message_that_is_delivered_twice_is_one_order(receive, left, together):
    if together:
        assert receive(order("a", 2), order("a", 2)) == []
    else:
        assert receive(order("a", 2)) == []
        assert receive(order("a", 2)) == []
    assert left() == (8, ["a"])


def test_a_message_that_failed_can_succeed_later(receive, left, rdspool_engine):
    assert receive(order("a", 12)) == [0]
    with rdspool_engine.begin() as connection:
        connection.execute(text("UPDATE stock SET amount = 20"))
    assert receive(order("a", 12)) == []
    assert left() == (8, ["a"])
