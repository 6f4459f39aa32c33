"""Literals as real servers read them: any value, under any sql_mode and character set, read back by the server and by another client."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rdspool import get_engine
from sqlalchemy import JSON, Column, Integer, LargeBinary, MetaData, Numeric, Table, select, text

MODES = ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "ANSI,NO_BACKSLASH_ESCAPES", "TRADITIONAL", "PIPES_AS_CONCAT,IGNORE_SPACE"]
CHARSETS = ["utf8mb4", "gbk", "sjis", "big5", "cp932", "gb18030", "latin1", "ujis"]
"""Under some of these a byte of a character in UTF-8 begins one of two bytes, whose second can be a backslash, but never a quote."""

HOSTILE = st.text(st.sampled_from("\\'\"`%_;-#/* \n\r\t\x00\x1aax\xe9\u8a2d\u20ac\U0001f600"), max_size=12)
TEXTS = st.one_of(HOSTILE, st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
often = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def connection(target):
    with get_engine(**target).connect() as connection:
        yield connection


@pytest.mark.parametrize("mode", MODES)
def test_texts_and_bytes_under_every_mode(connection, mode):
    connection.exec_driver_sql(f"SET SESSION sql_mode = '{mode}'")

    @often
    @given(st.lists(TEXTS, min_size=1, max_size=8), st.lists(st.binary(max_size=30), min_size=1, max_size=8))
    def check(texts, binaries):
        wanted = [value.encode() for value in texts] + binaries
        row = connection.exec_driver_sql("SELECT " + ", ".join(["HEX(%s)"] * len(wanted)), tuple(texts + binaries)).one()
        assert [bytes.fromhex(value) for value in row] == wanted
        row = connection.exec_driver_sql("SELECT " + ", ".join(["%s"] * len(wanted)), tuple(texts + binaries)).one()
        assert list(row) == texts + binaries

    check()
    connection.exec_driver_sql("SET SESSION sql_mode = DEFAULT")


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("mode", ["", "NO_BACKSLASH_ESCAPES"])
def test_no_value_ends_its_quotes_under_any_character_set(server, connection, charset, mode):
    known = {name for (name,) in server.execute("SELECT character_set_name FROM information_schema.character_sets")}
    if charset not in known:
        assert charset == "gb18030"  # MariaDB 10.11 has not
        return
    connection.exec_driver_sql(f"SET SESSION sql_mode = '{mode}'")
    connection.exec_driver_sql(f"SET NAMES {charset}")

    @often
    @given(TEXTS)
    def check(value):
        # The value may change its meaning under a character set that is not the connection's; it never becomes SQL.
        statement = "SELECT %s = 1 AS first, 'second' AS second, %s IS NULL AS third"
        result = connection.exec_driver_sql(statement, (value + "' OR '1'='1", value))
        assert len(result.cursor.description) == 3
        assert result.one()[1:] == ("second", 0)

    check()
    connection.exec_driver_sql("SET NAMES utf8mb4")
    connection.exec_driver_sql("SET SESSION sql_mode = DEFAULT")


def test_another_client_reads_what_was_stored(server, target):
    server.execute(
        "DROP TABLE IF EXISTS app.kept_values",
        "CREATE TABLE app.kept_values (id INT PRIMARY KEY AUTO_INCREMENT, t TEXT CHARACTER SET utf8mb4, b BLOB)",
    )
    engine = get_engine(**target)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.tuples(TEXTS, st.binary(max_size=40)), min_size=1, max_size=10))
    def check(rows):
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM kept_values")
            connection.exec_driver_sql("INSERT INTO kept_values (t, b) VALUES (%s, %s)", rows)
        found = server.execute("SELECT HEX(t), HEX(b) FROM app.kept_values ORDER BY id")
        assert [(bytes.fromhex(t).decode(), bytes.fromhex(b)) for t, b in found] == rows

    check()


@often
@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**20), max_value=10**20),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300),
    st.datetimes(dt.datetime(1000, 1, 1)),
    st.timedeltas(dt.timedelta(hours=-838), dt.timedelta(hours=838)),
    st.uuids(),
    st.booleans(),
)
def test_other_types(connection, number, integer, fraction, moment, span, identity, yes):
    row = connection.exec_driver_sql(
        "SELECT %s, %s, CAST(%s AS DOUBLE), CAST(%s AS DATETIME(6)), CAST(%s AS DATE), CAST(%s AS TIME(6)), %s, %s, %s",
        (number, integer, fraction, moment, moment.date(), span, identity, yes, None),
    ).one()
    assert row[0] == number
    assert row[1] == integer
    assert math.isclose(row[2], fraction, rel_tol=1e-15)
    assert row[3:] == (moment, moment.date(), span, str(identity), int(yes), None)


@pytest.mark.parametrize(
    "value", ["1E+3", "1.5E+20", "-1E-20", "0E-10", "12345678901234567890123456789.0123456789", "9" * 60, "-0", "1E+30"]
)
def test_decimals_keep_all_their_digits(connection, value):
    """An exponent in the literal would make it a DOUBLE, which rounds."""
    assert connection.exec_driver_sql("SELECT %s", (decimal.Decimal(value),)).scalar_one() == decimal.Decimal(value)


def test_columns_of_sqlalchemys_types(server, target):
    engine = get_engine(**target)
    metadata = MetaData()
    table = Table(
        "typed",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("j", JSON),
        Column("b", LargeBinary),
        Column("n", Numeric(40, 20)),
    )
    metadata.drop_all(engine)
    metadata.create_all(engine)
    row = {
        "id": 1,
        "j": {"path": "C:\\temp\\'x'", "\u00e9": ["\\", '"']},
        "b": bytes(range(256)),
        "n": decimal.Decimal("1.23456789012345678901"),
    }
    with engine.begin() as connection:
        connection.execute(table.insert(), row)
        found = connection.execute(select(table).where(table.c.b == row["b"])).mappings().one()
    assert dict(found) == {**row, "n": decimal.Decimal("1.23456789012345678901")}


@pytest.mark.parametrize("server", ["mariadb"], indirect=True)
def test_a_uuid_column_of_mariadb(server, target):
    server.execute("CREATE TABLE IF NOT EXISTS app.identified (id UUID PRIMARY KEY)", "DELETE FROM app.identified")
    identity = uuid.uuid4()
    with get_engine(**target).begin() as connection:
        connection.execute(text("INSERT INTO identified VALUES (:id)"), {"id": identity})
        assert connection.execute(text("SELECT id FROM identified WHERE id = :id"), {"id": identity}).scalar_one() == str(identity)
