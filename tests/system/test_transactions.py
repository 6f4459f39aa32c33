"""No transaction is left behind and none is lost, with the ROLLBACKs and COMMITs that are left out."""

from __future__ import annotations

import contextlib

import pytest
from rdspool import get_engine
from sqlalchemy import Column, Integer, String, create_engine, event, exc, text
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.orm.attributes import flag_modified


@pytest.fixture(scope="module", autouse=True)
def tables(server):
    server.execute(
        "CREATE TABLE IF NOT EXISTS app.plain_table (id INT PRIMARY KEY, v INT) ENGINE=InnoDB",
        "CREATE TABLE IF NOT EXISTS app.old_table (id INT PRIMARY KEY, v INT) ENGINE=MyISAM",
        "CREATE TABLE IF NOT EXISTS app.memory_table (id INT PRIMARY KEY, v INT) ENGINE=MEMORY",
        "REPLACE INTO app.plain_table VALUES (1, 1)",
        "CREATE OR REPLACE VIEW app.old_view AS SELECT * FROM app.old_table",
    )


def metadata_lock_is_free(server, table):
    connection = server.connect(autocommit=True)
    try:
        cursor = connection.cursor()
        cursor.execute("SET SESSION lock_wait_timeout = 1")
        cursor.execute(f"ALTER TABLE app.{table} COMMENT = 'x'")
        cursor.execute(f"ALTER TABLE app.{table} COMMENT = ''")
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("statement", "table", "refusal"),
    [
        ("SELECT * FROM plain_table", "plain_table", None),
        ("SELECT 1 FROM plain_table WHERE 1 = 0", "plain_table", None),
        ("SELECT * FROM old_table", "old_table", None),
        ("INSERT IGNORE INTO old_table VALUES (2, 2)", "old_table", None),
        ("SELECT * FROM old_view", "old_table", None),
        ("SELECT * FROM memory_table", "memory_table", None),
        ("SET @a = (SELECT COUNT(*) FROM old_table)", "old_table", None),
        ("SELECT nosuch FROM plain_table", "plain_table", exc.DatabaseError),
        ("INSERT INTO plain_table VALUES (1, 1)", "plain_table", exc.IntegrityError),
    ],
)
def test_a_returned_connection_holds_no_lock(server, target, statement, table, refusal):
    """Without autocommit some of these leave the status flag unset and a metadata lock behind, on MySQL."""
    engine = get_engine(**target)
    with engine.connect() as connection, pytest.raises(refusal) if refusal else contextlib.nullcontext():
        connection.execute(text(statement))
    metadata_lock_is_free(server, table)


def test_work_without_commit_is_rolled_back_and_with_it_is_kept(target):
    engine = get_engine(**target)
    with engine.connect() as connection:
        connection.execute(text("REPLACE INTO plain_table VALUES (7, 7)"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM plain_table WHERE id = 7")).scalar_one() == 0
    with engine.begin() as connection:
        connection.execute(text("REPLACE INTO plain_table VALUES (7, 7)"))
    with engine.begin() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM plain_table WHERE id = 7")).scalar_one() == 1
        connection.execute(text("DELETE FROM plain_table WHERE id = 7"))


def test_begin_within_autocommit(target):
    engine = get_engine(**target, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("START TRANSACTION"))
        connection.execute(text("REPLACE INTO plain_table VALUES (8, 8)"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM plain_table WHERE id = 8")).scalar_one() == 0


def test_savepoint(target):
    engine = get_engine(**target)
    with engine.begin() as connection:
        connection.execute(text("REPLACE INTO plain_table VALUES (9, 1)"))
        with pytest.raises(exc.IntegrityError), connection.begin_nested():
            connection.execute(text("INSERT INTO plain_table VALUES (9, 2)"))
        assert connection.execute(text("SELECT v FROM plain_table WHERE id = 9")).scalar_one() == 1
        connection.execute(text("DELETE FROM plain_table WHERE id = 9"))


def test_isolation_level_of_one_connection_is_reset(target):
    engine = get_engine(**target)
    with engine.connect() as connection:
        usual = connection.get_isolation_level()
    for level in ("AUTOCOMMIT", "SERIALIZABLE", "READ COMMITTED"):
        with engine.connect().execution_options(isolation_level=level) as connection:
            if level == "AUTOCOMMIT":
                assert connection.connection.dbapi_connection.autocommit
            else:
                assert connection.get_isolation_level() == level
        with engine.connect() as connection:
            assert connection.get_isolation_level() == usual
            assert not connection.connection.dbapi_connection.autocommit


@pytest.mark.parametrize("usual", [None, "READ COMMITTED", "AUTOCOMMIT"])
@pytest.mark.parametrize("changed", ["SERIALIZABLE", "AUTOCOMMIT"])
def test_isolation_level_is_reset_where_no_statement_ran(target, usual, changed):
    engine = get_engine(**target, isolation_level=usual)
    with engine.connect() as connection:
        before = connection.get_isolation_level()
    engine.dispose()
    with engine.connect().execution_options(isolation_level=changed):
        pass
    with engine.connect() as connection:
        assert connection.connection.dbapi_connection.autocommit is (usual == "AUTOCOMMIT")
        assert connection.get_isolation_level() == before


def test_autocommit_engine_returns_to_autocommit(target):
    engine = get_engine(**target, isolation_level="AUTOCOMMIT")
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        assert not connection.connection.dbapi_connection.autocommit
    with engine.connect() as connection:
        assert connection.connection.dbapi_connection.autocommit
        assert connection.execute(text("SELECT @@autocommit")).scalar_one() == 1


@pytest.mark.parametrize("way", ["init_command", "connect"])
def test_autocommit_that_was_set_for_each_new_connection_stays(server, password_target, way):
    """Else the work after the second checkout would be rolled back silently."""
    server.execute("DELETE FROM app.plain_table WHERE id >= 100")
    statement = "SET SESSION autocommit = 1"
    options = {**password_target, "init_command": statement} if way == "init_command" else password_target
    engine = create_engine("mysql+rdspool://", connect_args=options, pool_size=1, max_overflow=0)
    if way == "connect":

        @event.listens_for(engine, "connect")
        def _(dbapi_connection, _):
            with dbapi_connection.cursor() as cursor:
                cursor.execute(statement)

    for number in range(100, 103):
        with engine.connect() as connection:
            connection.execute(text("INSERT INTO plain_table VALUES (:id, 1)"), {"id": number})
            connection.execute(text("SET SESSION autocommit = 0"))  # of this use only
    engine.dispose()
    assert server.execute("SELECT id FROM app.plain_table WHERE id >= 100") == [(100,), (101,), (102,)]


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)
    name = Column(String(30))


def test_an_orm_update_that_changes_nothing_is_no_stale_row(target):
    engine = get_engine(**target)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.merge(Item(id=1, name="same"))
        session.commit()
    with engine.begin() as connection:
        assert connection.execute(text("UPDATE items SET name = 'same' WHERE id = 1")).rowcount == 1
    with Session(engine) as session, session.begin():
        item = session.get(Item, 1)
        flag_modified(item, "name")
        session.flush()  # StaleDataError where the server counts only rows that changed
