"""Streams: rows are read as they are fetched, and a stream that is left early neither breaks the connection nor loses work."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from rdspool import get_engine
from sqlalchemy import Column, Integer, String, exc, select, text
from sqlalchemy.orm import Session, declarative_base

Base = declarative_base()
ROWS = 131_072
"""Rows of 200 bytes: 25 MiB."""


class Row(Base):
    __tablename__ = "streamed"
    id = Column(Integer, primary_key=True)
    v = Column(String(200))


@pytest.fixture(scope="module", autouse=True)
def table(server):
    if server.execute("SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'streamed'") == [(1,)]:
        return
    doubled = ["INSERT INTO app.streamed (v) SELECT v FROM app.streamed"] * 17
    server.execute(
        "CREATE TABLE app.streamed (id INT PRIMARY KEY AUTO_INCREMENT, v CHAR(200))",
        "INSERT INTO app.streamed (v) VALUES (REPEAT('x', 190))",
        *doubled,
        "CREATE TABLE IF NOT EXISTS app.beside_stream (id INT PRIMARY KEY)",
    )


MEMORY = """
import json, resource, sys
from rdspool import get_engine
from sqlalchemy import text
import local.front.names
options, ways = json.loads(sys.stdin.read()), sys.argv[1]
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with local.front.names.resolved(options["host"]):
    with get_engine(**options).connect() as connection:
        connection.execute(text("SELECT * FROM streamed LIMIT 2000")).all()
        before, count = peak(), 0
        if ways == "yield_per":
            for row in connection.execution_options(yield_per=1000).execute(text("SELECT * FROM streamed")):
                count += 1
        else:
            cursor = connection.connection.cursor(buffered=False)
            cursor.execute("SELECT * FROM streamed")
            while cursor.fetchone() is not None:
                count += 1
            cursor.close()
        print(json.dumps([count, (peak() - before) / 1024]))
"""


@pytest.mark.parametrize("way", ["yield_per", "fetchone"])
def test_a_stream_takes_little_memory(target, way):
    ran = subprocess.run([sys.executable, "-c", MEMORY, way], input=json.dumps(target), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    count, mebibytes = json.loads(ran.stdout)
    assert count == ROWS
    assert mebibytes < 8


def test_a_stream_left_early_keeps_the_work_of_its_transaction(server, target):
    server.execute("DELETE FROM app.beside_stream")
    engine = get_engine(**target)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO beside_stream VALUES (1)"))
        result = connection.execution_options(yield_per=10).execute(text("SELECT * FROM streamed"))
        assert len(result.fetchmany(10)) == 10
        result.close()
        connection.execute(text("INSERT INTO beside_stream VALUES (2)"))
    assert server.execute("SELECT id FROM app.beside_stream ORDER BY id") == [(1,), (2,)]


@pytest.mark.parametrize("limit", [100, ROWS])
def test_a_stream_left_by_the_end_of_the_block(target, limit):
    """Where few rows are left, they are read and the connection is kept. Where many are left, a new connection costs less."""
    engine = get_engine(**target)
    with engine.connect() as connection:
        first = connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
        for _ in connection.execution_options(yield_per=10).execute(text(f"SELECT * FROM streamed LIMIT {limit}")):
            break
    with engine.connect() as connection:
        second = connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
    assert (first == second) is (limit == 100)


def test_an_exception_in_the_midst_of_a_stream_is_the_one_to_see(target):
    engine = get_engine(**target)
    with pytest.raises(ZeroDivisionError), engine.connect() as connection:
        for _ in connection.execution_options(yield_per=10).execute(text("SELECT * FROM streamed")):
            raise ZeroDivisionError
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_no_statement_takes_the_rows_of_a_stream_that_is_read(target):
    with get_engine(**target).connect() as connection:
        result = connection.execution_options(yield_per=10).execute(text("SELECT id FROM streamed ORDER BY id LIMIT 1000"))
        found = result.fetchmany(10)
        with pytest.raises(exc.ProgrammingError, match="still being read"):
            connection.execute(text("SELECT 1"))
        found += result.fetchall()
        assert [row.id for row in found] == sorted(row.id for row in found)
        assert len(found) == 1000


def test_the_orm_streams(target):
    with Session(get_engine(**target)) as session:
        count = sum(1 for _ in session.scalars(select(Row).execution_options(yield_per=500).limit(5000)))
        assert count == 5000
        assert session.get(Row, 1).v == "x" * 190


def test_an_error_in_the_midst_of_a_stream(server, target):
    """The server finds the error after it has sent rows: the client gets these rows, then the error."""
    with get_engine(**target).connect() as connection:
        statement = "SELECT id, 18446744073709551615 + IF(id > 50000, 1, 0) FROM streamed ORDER BY id"  # out of range behind 50,000
        cursor = connection.connection.cursor(buffered=False)
        cursor.execute(statement)
        read = 0
        with pytest.raises(cursor.connection.Error, match="1690"):
            while cursor.fetchone() is not None:
                read += 1
        assert read > 1000
        cursor.close()
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
