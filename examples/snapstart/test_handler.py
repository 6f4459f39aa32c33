from pathlib import Path

import handler as function
import pytest
from handler import engine, handler
from sqlalchemy import text


@pytest.fixture(scope="session")
def tables(rdspool_engine):
    with rdspool_engine.begin() as connection:
        for statement in Path(__file__).with_name("schema.sql").read_text().split(";\n"):
            if statement:
                connection.execute(text(statement))


@pytest.fixture
def price(tables, rdspool_rollback, lambda_context, monkeypatch):
    """Return a function that asks for the price of an item in a currency."""
    monkeypatch.setattr(function, "_prices", {})

    def ask(item, currency):
        return handler({"item": item, "currency": currency}, lambda_context)["price"]

    return ask


@pytest.mark.parametrize(("currency", "expected"), [("EUR", "4.50"), ("JPY", "725.85"), ("XYZ", None)])
def test_the_price_in_a_currency(price, currency, expected):
    assert price("tea", currency) == expected


def test_a_price_is_kept_for_a_while(price, monkeypatch):
    assert price("tea", "EUR") == "4.50"
    with engine.begin() as connection:
        connection.execute(text("UPDATE items SET price = 5"))
    assert price("tea", "EUR") == "4.50"
    monkeypatch.setattr(function, "KEPT", -1.0)
    assert price("tea", "EUR") == "5.00"
