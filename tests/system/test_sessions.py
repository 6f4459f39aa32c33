"""What stays in a session after its return to the pool, with real servers: nothing, whatever ran; and harmless statements cost no round trip."""

from __future__ import annotations

import contextlib

import pytest
from rdspool import dbapi, get_engine
from sqlalchemy import event, text

VOLATILE = {
    "character_set_database",
    "collation_database",
    "error_count",
    "gtid_slave_pos",
    "identity",
    "in_transaction",
    "insert_id",
    "last_gtid",
    "last_insert_id",
    "pseudo_thread_id",
    "rand_seed1",
    "rand_seed2",
    "statement_id",
    "timestamp",
    "warning_count",
}
"""Variables that say something of the last statement, or of the moment. A reset of MariaDB's leaves the database's character set at the server's
default in its variables; only a LOAD DATA without CHARACTER SET reads it there."""

HARMLESS = [
    "SELECT v, 'somebody@example.com', \"GET_LOCK\" FROM things WHERE v = 'a@b.c' /* @a */ -- SET @a",
    "/*traceparent='00-1',db_driver='rdspool'*/ SELECT things.v AS things_v FROM things WHERE things.id = 1 FOR UPDATE",
    "SELECT @@session.sql_mode, LAST_INSERT_ID(), FOUND_ROWS(), ROW_COUNT(), RAND(), UUID()",
    "INSERT INTO things (v) VALUES ('somebody@example.com'), ('it''s @home; ok')",
    "INSERT INTO things (id, v) VALUES (1, 'x') ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), v = 'y'",
    "REPLACE INTO things VALUES (7, 'x')",
    "UPDATE things SET v = CONCAT(v, '@') WHERE id = 1",
    "DELETE FROM things WHERE id = 7",
    "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
    "SELECT CAST(v AS CHAR), SLEEP(0), BENCHMARK(1, 1) FROM things",
    "DO RELEASE_LOCK('nobody')",
    "SHOW FULL TABLES FROM `app`",
    "SHOW CREATE TABLE things",
    "SHOW INDEX FROM things",
    "SHOW WARNINGS",
    "DESCRIBE things",
    "EXPLAIN SELECT * FROM things",
    "SAVEPOINT sa_savepoint_1",
    "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'app' AND table_name = 'things'",
    "SELECT 1 FROM nosuch",
    "CREATE TABLE IF NOT EXISTS things_2 (id INT AUTO_INCREMENT PRIMARY KEY, mail VARCHAR(99) DEFAULT 'a@b.c' COMMENT 'it is @ home')",
    "ALTER TABLE things_2 ADD COLUMN IF_IT_IS INT",
    "CREATE INDEX things_2_mail ON things_2 (mail)",
    "ANALYZE TABLE things_2",
    "TRUNCATE TABLE things_2",
    "DROP TABLE things_2",
]
RESET_ALL_THE_SAME = [
    "BEGIN",
    "START TRANSACTION",
    "START TRANSACTION READ ONLY",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT",
    "COMMIT AND CHAIN",
    "ROLLBACK AND CHAIN",
]
"""Leave nothing, and MySQL tells of a changed session."""
STATEFUL = [
    "SET @a = 1",
    "SELECT @a := 1",
    "SELECT 1 INTO @a",
    "SELECT MAX(id) FROM things INTO @a",
    "SET sql_mode = ''",
    "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "SET SESSION TRANSACTION READ ONLY",
    "SET TRANSACTION READ ONLY",
    "SET autocommit = 1",
    "SET NAMES latin1",
    "SET CHARACTER SET latin1",
    "SET time_zone = '+05:00'",
    "SET foreign_key_checks = 0",
    "SET max_statement_time = 5",
    "SET max_execution_time = 5000",
    "SET lc_time_names = 'de_DE'",
    "SET SESSION group_concat_max_len = 10",
    "SELECT GET_LOCK('lock', 0)",
    "SELECT `get_lock`('lock', 0)",
    "DO GET_LOCK('lock', 0)",
    "INSERT INTO things (v) VALUES (GET_LOCK('lock', 0))",
    "CREATE TEMPORARY TABLE made (a INT)",
    "CREATE TEMPORARY TABLE things (a INT)",
    "PREPARE made FROM 'SELECT 1'",
    "LOCK TABLES things WRITE",
    "FLUSH TABLES things WITH READ LOCK",
    "HANDLER things OPEN",
    "USE other",
    "CALL sets()",
    "SELECT sets_within()",
    "SELECT v FROM things WHERE id = sets_within()",
    "INSERT INTO triggering (a) VALUES (1)",
    "SET ROLE helper",
    "EXECUTE IMMEDIATE 'SET @a = 1'",
    "BEGIN NOT ATOMIC SET @a = 1; END",
    "XA START 'made'",
    "SELECT /*!40000 @a := */ 1",
]


@pytest.fixture(scope="module", autouse=True)
def things(server):
    server.database("other", charset="utf8mb4")
    server.execute(
        "GRANT ALL ON *.* TO 'app'@'%'",
        "CREATE TABLE IF NOT EXISTS app.things (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(99))",
        "DROP PROCEDURE IF EXISTS app.sets",
        "CREATE PROCEDURE app.sets() BEGIN SET @a = 1; SET SESSION sort_buffer_size = 65536; CREATE TEMPORARY TABLE made (a INT); END",
        "DROP FUNCTION IF EXISTS app.sets_within",
        "CREATE FUNCTION app.sets_within() RETURNS INT DETERMINISTIC NO SQL BEGIN SET @a = 1; SET SESSION sort_buffer_size = 65536; RETURN 1; END",
        "CREATE TABLE IF NOT EXISTS app.triggering (a INT)",
        "DROP TRIGGER IF EXISTS app.triggered",
        "CREATE TRIGGER app.triggered BEFORE INSERT ON app.triggering FOR EACH ROW SET @a = 1",
        "DROP ROLE IF EXISTS helper",
        "CREATE ROLE helper",
        "GRANT helper TO 'app'",
    )


def refused(cursor, statement):
    try:
        cursor.execute(statement)
        cursor.fetchall() if cursor.with_rows else None
    except dbapi.Error as error:
        return error.errno
    return None


def seen(engine):
    """Return what a session shows of what statements can leave in it."""
    raw = engine.raw_connection()
    with contextlib.closing(raw), contextlib.closing(raw.cursor()) as cursor:
        cursor.execute("SHOW SESSION VARIABLES")
        found = {name: value for name, value in cursor.fetchall() if name not in VOLATILE}
        cursor.execute("SELECT DATABASE(), CURRENT_ROLE(), IS_USED_LOCK('lock'), @a")
        found["rest"] = cursor.fetchall()
        for statement in (
            "SELECT * FROM made",
            "EXECUTE made",
            "HANDLER things READ FIRST",
            "INSERT INTO things (v) VALUES ('x')",
            "XA END 'made'",
        ):
            found[statement] = refused(cursor, statement)
    return found


@pytest.mark.parametrize("isolation_level", [None, "AUTOCOMMIT"])
def test_nothing_stays_in_the_session(server, target, isolation_level):
    engine = get_engine(**target, isolation_level=isolation_level)
    fresh = seen(get_engine("other", **target, isolation_level=isolation_level))
    stayed = {}
    for statement in [*HARMLESS, *RESET_ALL_THE_SAME, *STATEFUL]:
        raw = engine.raw_connection()
        with contextlib.closing(raw), contextlib.closing(raw.cursor()) as cursor:
            refused(cursor, statement)
        now = seen(engine)
        if now != fresh:
            stayed[statement] = {
                name: (fresh.get(name), now.get(name)) for name in fresh.keys() | now.keys() if fresh.get(name) != now.get(name)
            }
            engine.dispose()
    assert stayed == {}
    server.execute("DROP TABLE IF EXISTS app.things_2")


def test_harmless_statements_cost_no_reset(front, target):
    engine = get_engine(**target)
    engine.connect().close()
    costly = {}
    for statement in HARMLESS:
        with front.count() as count, engine.connect() as connection, contextlib.suppress(Exception):
            connection.execute(text(statement.replace(":", "\\:")))
        if any(command.startswith(("RESET", "QUERY SET", "QUIT")) for command in count.commands):
            costly[statement] = count.commands
    assert costly == {}


def test_a_setting_turns_it_off(target):
    engine = get_engine(**target, reset_session=False)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET @left = 1")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT @left").scalar_one() == 1


def test_what_a_listener_to_connect_sets_stays(target):
    engine = get_engine(**target)

    @event.listens_for(engine, "connect")
    def set_tenant(dbapi_connection, _):
        with dbapi_connection.cursor() as cursor:
            cursor.execute("SET @tenant = 7, time_zone = '+03:00'")

    for statement in ("SELECT 1", "SET @left = 1", "SELECT GET_LOCK('left', 0)", "SELECT 1"):
        with engine.connect() as connection:
            assert tuple(connection.exec_driver_sql("SELECT @tenant, @left, @@session.time_zone").one()) == (7, None, "+03:00")
            connection.exec_driver_sql(statement)
