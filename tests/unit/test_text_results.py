"""What SQLAlchemy makes of the columns of a text is kept with the driver's result set, and never outlives it: stock's result is the measure."""

from __future__ import annotations

import pickle

import pytest
from fake_database import Database
from fake_server import BINARY, LONGLONG, UTF8MB4, VAR_STRING, column, ok, result, row
from hypothesis import given, settings
from hypothesis import strategies as st
from mysql.connector.constants import FieldType
from rdspool.dialect import RdspoolExecutionContext, TextResult
from sqlalchemy import CursorResult, create_engine, delete, event, exc, literal_column, select, table, text
from sqlalchemy import column as sql_column
from sqlalchemy.dialects.mysql.mysqlconnector import MySQLExecutionContext_mysqlconnector
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.types import NullType

STATEMENT = "SELECT * FROM t"
VALUES = {LONGLONG: b"7", FieldType.DOUBLE: b"1.5", VAR_STRING: b"seven"}
COLUMNS = st.lists(st.tuples(st.sampled_from(["a", "A", "b", "c", "a.b", "ü"]), st.sampled_from(list(VALUES))), min_size=1, max_size=5)


class Stock(MySQLExecutionContext_mysqlconnector):
    """The context of stock."""

    create_default_cursor = RdspoolExecutionContext.create_default_cursor


@pytest.fixture(scope="module")
def database(server_tls):
    started = Database(server_tls)
    yield started
    started.close()


@pytest.fixture(scope="module")
def connections(database, certificates):
    """A connection of rdspool's dialect, and one that differs in its context only."""
    url = f"mysql+rdspool://app:x@127.0.0.1:{database.port}/shop?ca={certificates.ca}"
    engines = [create_engine(url), create_engine(url)]
    engines[1].dialect.execution_ctx_cls = Stock
    opened = [engine.connect() for engine in engines]
    yield opened
    for one in opened:
        one.close()
        one.engine.dispose()


@pytest.fixture
def own(connections):
    return connections[0]


def answers(database, columns):
    """Let the database answer STATEMENT with two rows of these columns: names and types."""
    described = [column(name, kind, charset=UTF8MB4 if kind == VAR_STRING else BINARY) for name, kind in columns]
    database.answers[STATEMENT] = result(described, [row(*(VALUES[kind] for _, kind in columns))] * 2)


def shown(run):
    """Return all that a user can see of a result."""
    found = run()
    first = found.first()
    seen = [list(found.keys()), first, first._fields, list(first._mapping.items()), pickle.loads(pickle.dumps(first))]  # noqa: S301
    for name in dict.fromkeys([*found.keys(), "missing"]):
        try:
            seen.append(first._mapping[name])
        except exc.SQLAlchemyError as error:
            seen.append(repr(error))
        seen.append(getattr(first, name, None))
        try:
            seen.append(run().scalars(name).all())
            seen.append(run().columns(name, 0).all())
        except exc.SQLAlchemyError as error:
            seen.append(repr(error))
    return [*seen, run().mappings().all(), run().freeze()().all(), run().unique().all(), run().cursor is None]


@settings(max_examples=60, deadline=None)
@given(each=st.lists(COLUMNS, min_size=1, max_size=4))
def test_a_result_is_as_stocks_whatever_columns_came_before(connections, database, each):
    for columns in each:
        answers(database, columns)
        for run in (lambda one: one.execute(text(STATEMENT)), lambda one: one.exec_driver_sql(STATEMENT)):
            seen = [shown(lambda one=one, run=run: run(one)) for one in connections]
            assert seen[0] == seen[1]


def test_the_names_are_mapped_once(own, database):
    answers(database, [("a", LONGLONG), ("b", LONGLONG)])
    first, second, driver_sql = own.execute(text(STATEMENT)), own.execute(text(STATEMENT)), own.exec_driver_sql(STATEMENT)
    assert type(first) is TextResult
    assert first._metadata is second._metadata is driver_sql._metadata
    for made in (first, second, driver_sql):
        assert made.all() == [(7, 7)] * 2


def test_the_mapping_is_returned_as_stock_does(own, database):
    answers(database, [("a", LONGLONG)])
    made = own.execute(text(STATEMENT))
    for kept in (made.cursor.result_set.made_of_names, (None, None)):
        made.cursor.result_set.made_of_names = kept
        assert made._init_metadata(made.context, made.cursor.description) is made._metadata
    assert made.all() == [(7,)] * 2


def test_other_columns_are_mapped_anew(own, database):
    answers(database, [("a", LONGLONG)])
    assert own.execute(text(STATEMENT)).mappings().first() == {"a": 7}
    answers(database, [("b", LONGLONG)])
    assert own.execute(text(STATEMENT)).mappings().first() == {"b": 7}


def test_what_is_no_plain_text_is_stocks(own, database):
    answers(database, [("a", LONGLONG)])
    plain, built = text(STATEMENT), select(literal_column("a")).select_from(table("t"))
    database.answers[str(built.compile(dialect=own.dialect))] = database.answers[STATEMENT]
    for statement in (
        built,
        plain.columns(),
        plain.execution_options(stream_results=True),
        plain.execution_options(driver_column_names=True),
    ):
        made = own.execute(statement)
        assert type(made) is CursorResult
        assert made.all() == [(7,)] * 2


def test_a_text_without_rows_is_stocks(own, database):
    database.answers["UPDATE t SET a = 1"] = [ok(3)]
    made = own.execute(text("UPDATE t SET a = 1"))
    assert type(made) is CursorResult
    assert (made.rowcount, made.returns_rows) == (3, False)


class Base(DeclarativeBase):
    """Of the mapped class below."""


class Thing(Base):
    """One row of STATEMENT."""

    __tablename__ = "t"
    a: Mapped[int] = mapped_column(primary_key=True)


@pytest.mark.parametrize("statement", [text(STATEMENT), text(STATEMENT).columns(Thing.a)], ids=["plain", "with columns"])
def test_objects_out_of_a_text_are_stocks_whatever_was_executed_before(own, database, statement):
    answers(database, [("a", LONGLONG)])
    for _ in range(2):
        assert own.execute(text(STATEMENT)).mappings().first() == {"a": 7}
        with Session(own) as session:
            assert session.scalars(select(Thing).from_statement(statement)).unique().one().a == 7
            assert session.execute(select(Thing.a).from_statement(statement)).first() == (7,)


def test_rows_of_a_changing_statement_are_stocks(server_tls, certificates):
    """Their columns are found by the objects of the statement."""
    database, things = Database(server_tls, version="10.11.6-MariaDB"), table("things", sql_column("a"))
    engine = create_engine(f"mariadb+rdspool://app:x@127.0.0.1:{database.port}/shop?ca={certificates.ca}")
    statement = delete(things).returning(things.c.a)
    database.answers[str(statement.compile(dialect=engine.dialect))] = result([column("a", LONGLONG, charset=BINARY)], [row(b"7")])
    with engine.connect() as connection:
        for _ in range(2):
            made = connection.execute(statement)
            assert type(made) is CursorResult
            assert [found._mapping[things.c.a] for found in made] == [7]
    engine.dispose()
    database.close()


def test_rows_that_somebody_elses_code_has_fetched_are_stocks(own, database):
    answers(database, [("a", LONGLONG)])

    def fetch(connection, cursor, statement, parameters, context, executemany):
        context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(cursor, [("b", LONGLONG)], [(8,)])

    event.listen(own, "after_cursor_execute", fetch)
    try:
        assert own.execute(text(STATEMENT)).mappings().all() == [{"b": 8}]
    finally:
        event.remove(own, "after_cursor_execute", fetch)


def test_each_execution_is_logged_with_its_columns(own, database, caplog):
    answers(database, [("a", LONGLONG)])
    engine = create_engine(own.engine.url, echo="debug")
    with engine.connect() as loud:
        for _ in range(2):
            assert loud.execute(text(STATEMENT)).all() == [(7,)] * 2
    engine.dispose()
    assert [record.getMessage() for record in caplog.records].count("Col ('a',)") == 2


def test_columns_that_are_not_kept_are_mapped_each_time(own, database):
    """A result of hundreds of columns is another one at each execution: nothing is kept for it."""
    answers(database, [(f"a_rather_long_name_of_a_column_{number}", LONGLONG) for number in range(200)])
    first, second = own.execute(text(STATEMENT)), own.execute(text(STATEMENT))
    assert first._metadata is not second._metadata
    assert first.cursor.result_set.made_of_names == (None, None)
    assert first.all() == second.all()


class Doubling(NullType):
    """The type of columns whose type is not known, in a dialect of somebody's."""

    def result_processor(self, dialect, coltype):
        return lambda value: value * 2


def test_the_types_of_a_dialect_are_not_anothers(own, database):
    answers(database, [("a", LONGLONG)])
    engine = create_engine(own.engine.url)
    engine.dialect.colspecs = {**engine.dialect.colspecs, NullType: Doubling}
    with engine.connect() as doubling:
        for _ in range(2):
            assert [one.execute(text(STATEMENT)).scalars().all() for one in (doubling, own)] == [[14, 14], [7, 7]]
    engine.dispose()


def test_a_cursor_of_somebody_elses_is_stocks(own, database):
    answers(database, [("a", LONGLONG)])
    real = own.connection.cursor

    class Wrapped:
        def __init__(self):
            self.inner = real()

        def __getattr__(self, name):
            return getattr(self.inner, name)

    own.connection.cursor = Wrapped
    try:
        made = own.execute(text(STATEMENT))
        assert type(made) is CursorResult
        assert made.all() == [(7,)] * 2
    finally:
        own.connection.cursor = real
