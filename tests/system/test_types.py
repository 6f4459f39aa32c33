"""Values of every column type, out and in: the same as the connector's own, and as they were sent."""

from __future__ import annotations

import datetime as dt
import decimal
import enum

import mysql.connector
import pytest
from rdspool import StatementTooLargeError, dbapi, get_engine
from sqlalchemy import exc, text

pytestmark = pytest.mark.usefixtures("each_decoder")

COLUMNS = {
    "tiny": ("TINYINT", ["-128", "127", "NULL"]),
    "tiny_unsigned": ("TINYINT UNSIGNED", ["0", "255"]),
    "big": ("BIGINT", ["-9223372036854775808", "9223372036854775807"]),
    "big_unsigned": ("BIGINT UNSIGNED", ["18446744073709551615"]),
    "medium": ("MEDIUMINT", ["-8388608"]),
    "yes": ("BOOLEAN", ["TRUE", "FALSE"]),
    "bits": ("BIT(12)", ["b'101010101010'", "b'0'", "NULL"]),
    "single": ("FLOAT", ["1.5", "-3.25e10"]),
    "twice": ("DOUBLE", ["1.7976931348623157e308", "2.5e-10"]),
    "exact": ("DECIMAL(30,10)", ["12345678901234567890.0123456789", "-0.5", "NULL"]),
    "whole": ("DECIMAL(10,0)", ["42"]),
    "day": ("DATE", ["'2026-11-23'", "'0001-01-01'", "'9999-12-31'", "NULL"]),
    "moment": ("DATETIME", ["'2026-11-23 01:02:03'"]),
    "moment_3": ("DATETIME(3)", ["'2026-11-23 01:02:03.045'"]),
    "moment_6": ("DATETIME(6)", ["'2026-11-23 01:02:03.000001'", "'9999-12-31 23:59:59.999999'"]),
    "stamp": ("TIMESTAMP NULL", ["'2026-11-23 01:02:03'", "NULL"]),
    "span": ("TIME", ["'-838:59:59'", "'12:34:56'"]),
    "span_6": ("TIME(6)", ["'-00:00:00.000001'", "'12:34:56.789'"]),
    "years": ("YEAR", ["2026"]),
    "short_text": ("VARCHAR(200) CHARACTER SET utf8mb4", ["'plain'", "'äöü € 𝄞 ''quoted'' \\\\ \\n %s %'", "''", "NULL"]),
    "latin_text": ("VARCHAR(20) CHARACTER SET latin1", ["'äöü'"]),
    "fixed_text": ("CHAR(5)", ["'ab'"]),
    "long_text": ("LONGTEXT CHARACTER SET utf8mb4", ["REPEAT('ü', 200)", "REPEAT('x', 70000)"]),
    "bytes": ("VARBINARY(20)", ["X'00FF27225C0A'", "''"]),
    "fixed_bytes": ("BINARY(4)", ["X'01'"]),
    "blob_bytes": ("BLOB", ["X'DEADBEEF'", "REPEAT(X'00', 300)"]),
    "one_of": ("ENUM('a','b','ü') CHARACTER SET utf8mb4", ["'ü'"]),
    "some_of": ("SET('a','b','c')", ["'a,c'", "''"]),
    "document": ("JSON", ['\'{"a": [1, "ü"]}\'']),
    "place": ("POINT", ["ST_GeomFromText('POINT(1 2)')"]),
}


@pytest.fixture(scope="module")
def values_table(server):
    server.execute(
        "DROP TABLE IF EXISTS app.every_type",
        f"CREATE TABLE app.every_type (id INT PRIMARY KEY AUTO_INCREMENT, {', '.join(f'{name} {kind} NULL' for name, (kind, _) in COLUMNS.items())})"
        " CHARACTER SET utf8mb4",
        "SET SESSION sql_mode = ''",
    )
    for name, (_, values) in COLUMNS.items():
        for value in values:
            server.execute("SET NAMES utf8mb4", f"INSERT INTO app.every_type ({name}) VALUES ({value})")


def stock_rows(server, user, password, query):
    connection = mysql.connector.connect(
        host="127.0.0.1",
        port=server.port,
        user=user,
        password=password,
        database="app",
        use_pure=True,
        charset="utf8mb4",
        collation="utf8mb4_general_ci",
        ssl_ca=str(server.ca),
        ssl_verify_cert=True,
    )
    try:
        cursor = connection.cursor(buffered=True)
        cursor.execute(query)
        return cursor.description, cursor.fetchall()
    finally:
        connection.close()


def test_every_type_as_the_connector_gives_it(server, values_table, target, password_target):
    query = "SELECT * FROM every_type ORDER BY id"
    description, expected = stock_rows(server, password_target["user"], password_target["password"], query)
    with get_engine(**target).connect() as connection:
        cursor = connection.connection.cursor()
        cursor.execute(query)
        found = cursor.fetchall()
        assert [column[:2] for column in cursor.description] == [column[:2] for column in description]
        cursor.close()
    assert len(found) == len(expected) == sum(len(values) for _, values in COLUMNS.values())
    for row, stock_row in zip(found, expected, strict=True):
        for column, value, stock_value in zip(description, row, stock_row, strict=True):
            assert (column[0], type(value), value) == (column[0], type(stock_value), stock_value)


def test_zero_dates(server, target):
    server.execute(
        "SET SESSION sql_mode = ''",
        "CREATE TABLE IF NOT EXISTS app.zeros (a DATE, b DATETIME, c DATE)",
        "DELETE FROM app.zeros",
        "INSERT INTO app.zeros VALUES ('0000-00-00', '0000-00-00 00:00:00', '2026-02-00')",
    )
    with get_engine(**target).connect() as connection:
        assert tuple(connection.execute(text("SELECT * FROM zeros")).one()) == (None, None, None)


class Colour(enum.Enum):
    RED = "red"


PARAMETERS = [
    None,
    0,
    -1,
    2**63,
    1.5,
    True,
    decimal.Decimal("12345678901234567890.01"),
    "plain",
    "quotes ' \" ` back \\ slash \n \r \x1a \x00 %s %(a)s ; -- /* */ DELIMITER // ü 𝄞",
    "",
    b"\x00\xff'\\\n",
    bytearray(b"ab'c"),
    dt.date(2026, 11, 23),
    dt.datetime(2026, 11, 23, 1, 2, 3, 4),
    dt.timedelta(hours=-30, microseconds=5),
    dt.time(1, 2, 3),
]


@pytest.mark.parametrize("value", PARAMETERS, ids=repr)
@pytest.mark.parametrize("mode", ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES"])
def test_a_parameter_comes_back_as_it_was_sent(target, value, mode):
    """This holds after a statement has changed the session's escaping, too."""
    with get_engine(**target).connect() as connection:
        connection.exec_driver_sql(f"SET SESSION sql_mode = '{mode}'")
        sent = bytes(value) if isinstance(value, bytearray) else value
        if isinstance(sent, str):
            got = connection.exec_driver_sql("SELECT %s", (value,)).scalar_one()
        elif isinstance(sent, bytes):
            got = connection.exec_driver_sql("SELECT HEX(CAST(%s AS BINARY))", (value,)).scalar_one()
            sent = sent.hex().upper()
        elif isinstance(sent, dt.datetime):
            got = connection.exec_driver_sql("SELECT CAST(%s AS DATETIME(6))", (value,)).scalar_one()
        elif isinstance(sent, dt.date):
            got = connection.exec_driver_sql("SELECT CAST(%s AS DATE)", (value,)).scalar_one()
        elif isinstance(sent, dt.timedelta):
            got = connection.exec_driver_sql("SELECT CAST(%s AS TIME(6))", (value,)).scalar_one()
        elif isinstance(sent, dt.time):
            got = connection.exec_driver_sql("SELECT CAST(%s AS TIME)", (value,)).scalar_one()
            sent = dt.timedelta(hours=1, minutes=2, seconds=3)
        else:
            got = connection.exec_driver_sql("SELECT %s", (value,)).scalar_one()
        assert got == sent
        connection.exec_driver_sql("SET SESSION sql_mode = DEFAULT")


def test_named_parameters_and_percent_signs(target):
    with get_engine(**target).connect() as connection:
        row = connection.execute(text("SELECT :a, :b, '100%', 7 % 4"), {"a": "it's 100%", "b": 2}).one()
        assert tuple(row) == ("it's 100%", 2, "100%", 3)
        assert connection.exec_driver_sql("SELECT %(a)s, %(b)s", {"a": "x'y", "b": 1}).one() == ("x'y", 1)


def test_too_few_and_too_many_parameters(target):
    with get_engine(**target).connect() as connection:
        for statement, values in (("SELECT %s, %s", (1,)), ("SELECT %s", (1, 2))):
            with pytest.raises(exc.ProgrammingError, match="parameters"):
                connection.exec_driver_sql(statement, values)
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_executemany_and_large_values(server, target):
    server.execute("CREATE TABLE IF NOT EXISTS app.bulk (id INT PRIMARY KEY, v LONGBLOB)", "DELETE FROM app.bulk")
    rows = [{"id": n, "v": bytes([n % 256]) * (n * 7)} for n in range(300)]
    engine = get_engine(**target)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO bulk (id, v) VALUES (:id, :v)"), rows)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT id, v FROM bulk ORDER BY id")).all()
    assert [(row.id, row.v) for row in found] == [(row["id"], row["v"]) for row in rows]


def test_a_row_of_more_than_16_mib(server, target):
    """A server sends such a row in several packets."""
    server.execute("SET GLOBAL max_allowed_packet = 67108864")
    with get_engine(**target).connect() as connection:
        row = connection.execute(text("SELECT REPEAT('a', 17000000), 'next', REPEAT('b', 16777215)")).one()
        assert (len(row[0]), row[1], len(row[2])) == (17_000_000, "next", 16_777_215)
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


@pytest.mark.parametrize("size", [17_000_000, 40_000_000])
def test_a_statement_beyond_the_servers_limit_is_reported_as_that(server, password_target, size):
    """The server closes in the middle of the statement: a broken pipe would say nothing of the reason."""
    ((before,),) = server.execute("SELECT @@GLOBAL.max_allowed_packet")
    server.execute("SET GLOBAL max_allowed_packet = 16777216")
    try:
        connection = dbapi.connect(**{**password_target, "host": "127.0.0.1", "port": server.port, "ca": str(server.ca)})
        with pytest.raises(StatementTooLargeError, match=rf"has {size + 18:,} bytes, and the server takes 16,777,216 at most") as caught:
            connection.cursor().execute("SELECT LENGTH(%s)", ("x" * size,))
        assert caught.value.errno == 1153
        assert "executemany()" in str(caught.value)
        connection.close()
    finally:
        server.execute(f"SET GLOBAL max_allowed_packet = {before}")


def test_a_statement_beyond_the_limit_behind_a_front_was_not_run(server, target):
    """An INSERT that commits itself: a lost answer would leave open whether it happened."""
    ((before,),) = server.execute("SELECT @@GLOBAL.max_allowed_packet")
    server.execute("SET GLOBAL max_allowed_packet = 4194304", "CREATE TABLE IF NOT EXISTS app.large (v LONGBLOB)", "DELETE FROM app.large")
    engine = get_engine("large", isolation_level="AUTOCOMMIT", **target)
    try:
        with engine.connect() as connection:
            first = connection.connection.dbapi_connection.connection_id
            with pytest.raises(exc.OperationalError, match="takes 4,194,304 at most") as caught:
                connection.execute(text("INSERT INTO large VALUES (:v)"), {"v": "x" * 6_000_000})
        assert isinstance(caught.value.orig, StatementTooLargeError)
        with engine.connect() as connection:
            assert connection.connection.dbapi_connection.connection_id != first
            assert connection.execute(text("SELECT COUNT(*) FROM large")).scalar_one() == 0
    finally:
        server.execute(f"SET GLOBAL max_allowed_packet = {before}")


def test_several_results_of_a_procedure(server, target):
    server.execute(
        "DROP PROCEDURE IF EXISTS app.two",
        "CREATE PROCEDURE app.two(IN a INT, INOUT b INT, OUT c TEXT) BEGIN SELECT a; SET b = b + a, c = 'it''s'; SELECT 2, 3; END",
    )
    engine = get_engine(**target)
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        assert cursor.callproc("two", (1, 2, None)) == (1, 3, "it's")
        assert cursor.fetchall() == [(1,)]
        assert cursor.nextset()
        assert cursor.fetchall() == [(2, 3)]
        assert cursor.nextset() is None
        with pytest.raises(AttributeError, match=r"stored_results.*nextset"):
            cursor.stored_results()
        cursor.close()
    finally:
        raw.close()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 4")).scalar_one() == 4
