from pathlib import Path

import pytest
from handler import handler, reader, writer
from sqlalchemy import event, exc, text

TEA = {"id": "7f3a", "item": "tea"}


@pytest.fixture(scope="session")
def tables(rdspool_database):
    """The tables, and a reader that refuses writes as that of a cluster does: here, both engines lead to one server."""
    with writer.begin() as connection:
        connection.execute(text(Path(__file__).with_name("schema.sql").read_text()))

    @event.listens_for(reader, "connect")
    def refuse_writes(connection, _):
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")


@pytest.fixture
def call(tables, lambda_context):
    """Return the handler with a context. The orders are deleted after the test, and not rolled back: the reader has to see what the writer commits."""
    yield lambda event: handler(event, lambda_context)
    with writer.begin() as connection:
        connection.execute(text("DELETE FROM orders"))


def test_an_order_is_read_after_it_is_written(call):
    assert call({}) == {"orders": []}
    assert call(TEA) == {"added": "7f3a"}
    assert call({}) == {"orders": [TEA]}


def test_an_order_that_comes_twice_is_written_once(call):
    assert call(TEA) == call(TEA | {"item": "coffee"}) == {"added": "7f3a"}
    assert call({}) == {"orders": [TEA]}


def test_orders_are_read_at_the_reader(call):
    asked = []

    def note(_connection, _cursor, statement, *_):
        asked.append(statement.split()[0])

    event.listen(reader, "before_cursor_execute", note)
    call(TEA)
    call({})
    event.remove(reader, "before_cursor_execute", note)
    assert asked == ["SELECT"]


@pytest.mark.usefixtures("tables")
def test_the_reader_refuses_writes():
    with reader.connect() as connection, pytest.raises(exc.DBAPIError, match="READ ONLY"):
        connection.execute(text("DELETE FROM orders"))


def test_an_order_without_an_item_writes_nothing(call):
    with pytest.raises(KeyError):
        call({"id": "7f3a"})
    assert call({}) == {"orders": []}
