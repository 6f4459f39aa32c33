"""What a statement's text says of its effects: nothing that leaves something behind passes for harmless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdspool._driver import effects
from rdspool._driver.effects import COMMITS, LEAVES_STATE, NEXT_TRANSACTION, OUTLASTS_RESET, WRITES

HARMLESS = [
    "SELECT 1",
    "SELECT a, b FROM t WHERE c = %s ORDER BY a LIMIT 3 FOR UPDATE",
    "SELECT @@session.sql_mode, @@global.max_connections",
    "SELECT 'GET_LOCK', '@a := 1', `@b`, \"@c\" FROM t",
    'SELECT "get_lock", `get_lock` FROM t',
    "INSERT INTO t (email) VALUES ('somebody@example.com'), (%s)",
    "UPDATE t SET a = a + 1 WHERE id IN (1, 2)",
    "DELETE FROM t WHERE a = 'x;y'",
    "REPLACE INTO t VALUES (1)",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "(SELECT 1) UNION (SELECT 2)",
    "VALUES ROW(1)",
    "SHOW TABLES LIKE 'a%'",
    "DESCRIBE t",
    "EXPLAIN SELECT 1",
    "BEGIN",
    "BEGIN WORK",
    "START TRANSACTION READ ONLY",
    "COMMIT",
    "COMMIT AND CHAIN",
    "ROLLBACK",
    "ROLLBACK TO SAVEPOINT a",
    "SAVEPOINT a",
    "RELEASE SAVEPOINT a",
    "CREATE TABLE t (a INT)",
    "CREATE INDEX i ON t (a)",
    "ALTER TABLE t ADD b INT",
    "DROP TABLE t",
    "TRUNCATE TABLE t",
    "GRANT SELECT ON app.* TO app",
    "DO SLEEP(0)",
    "KILL 5",
    "",
]
LEAVE_SOMETHING = [
    "SET @a = 1",
    "SET SESSION sql_mode = ''",
    "SET NAMES latin1",
    "SELECT @a := 1",
    "SELECT@a:=1",
    "SELECT 1 INTO @a",
    "SELECT GET_LOCK('a', 1)",
    "SELECT get_lock ('a', 1)",
    "SELECT `get_lock`('a', 1)",
    "SELECT `GET_LOCK` /* as a name in quotes */ ('a', 1)",
    "INSERT INTO t VALUES (\"get_lock\"('a', 1))",
    "DO GET_LOCK('a', 1)",
    "SELECT service_get_write_locks('n', 'a', 0)",
    "CREATE TEMPORARY TABLE t (a INT)",
    "CREATE TABLE t AS SELECT @a := 1",
    "LOCK TABLES t WRITE",
    "UNLOCK TABLES",
    "FLUSH TABLES WITH READ LOCK",
    "HANDLER t OPEN",
    "PREPARE s FROM 'SELECT 1'",
    "EXECUTE s",
    "EXECUTE IMMEDIATE 'SET @a = 1'",
    "CALL p()",
    "LOAD DATA INFILE 'x' INTO TABLE t (@a) SET b = @a",
    "INSERT INTO t VALUES (@a := 1)",
    "XA START 'x'",
    "BEGIN NOT ATOMIC SET @a = 1; END",
    "SELECT 1; SET @a = 1",
    "SELECT 1 /*! INTO @a */",
    "SELECT 1 /*M! INTO @a */",
    "IF 1 THEN SET @a = 1; END IF",
    "USE other",
    "SET ROLE r",
    "DROP DATABASE app",
    "WITH x AS (SELECT 1) SELECT @a := 1",
    "something that nobody knows yet",
]
BLANKS = st.lists(st.sampled_from([" ", "\n", "\t", "/* a comment, SET @a */", "-- SET @a\n", "# LOCK TABLES\n", "/**/"]), max_size=4).map(
    "".join
)


@pytest.mark.parametrize("statement", HARMLESS)
def test_a_harmless_statement_leaves_nothing_behind(statement):
    assert not effects.of(statement.encode()) & (LEAVES_STATE | OUTLASTS_RESET | NEXT_TRANSACTION)


@pytest.mark.parametrize("statement", LEAVE_SOMETHING)
def test_a_statement_that_leaves_something_behind(statement):
    assert effects.of(statement.encode()) & LEAVES_STATE


@given(st.sampled_from([*HARMLESS[:-1], *LEAVE_SOMETHING]), BLANKS, BLANKS, st.booleans(), st.booleans())
def test_comments_blanks_and_case_change_nothing(statement, before, after, upper, ended):
    written = f"{before or ' '}{statement.upper() if upper else statement.lower()} {after}{';' if ended else ''}"
    assert effects.of(written.encode()) == effects.of(statement.encode())


@given(st.text(st.characters(exclude_characters="'\\", exclude_categories=["Cs"]), max_size=30))
def test_what_stands_in_quotes_is_no_code(text):
    assert effects.of(f"SELECT '{text}'".encode()) == 0
    assert effects.of(f"SELECT 1, '{text}' FROM t WHERE a = \"x\"".encode()) == 0


@pytest.mark.parametrize(
    "statement", [r"SELECT '\', @a := 1, \''", r"SELECT '\\', @a := 1, ''", 'SELECT "\\", @a := 1, "', r"SELECT '\'', @a := 1"]
)
def test_where_readings_of_a_backslash_differ_all_of_them_count(statement):
    assert effects.of(statement.encode()) & LEAVES_STATE


@pytest.mark.parametrize(
    "statement", ["USE other", "SET ROLE r", "SET DEFAULT ROLE r TO app", "DROP SCHEMA app", "EXECUTE IMMEDIATE 'USE other'"]
)
def test_what_a_reset_does_not_take_away(statement):
    assert effects.of(statement.encode()) & OUTLASTS_RESET


@pytest.mark.parametrize(
    "statement", ["SET TRANSACTION READ ONLY", "set  transaction isolation level serializable", "SET @@transaction_read_only = 1"]
)
def test_what_is_set_for_the_next_transaction(statement):
    assert effects.of(statement.encode()) & NEXT_TRANSACTION


@pytest.mark.parametrize("statement", ["SET SESSION TRANSACTION READ ONLY", "SELECT @@transaction_isolation", "SET TRANSACTIONS = 1"])
def test_what_is_not_set_for_the_next_transaction_alone(statement):
    assert not effects.of(statement.encode()) & NEXT_TRANSACTION


@pytest.mark.parametrize(
    ("statement", "in_transaction", "autocommit"),
    [
        ("SELECT 1", False, False),
        ("INSERT INTO t VALUES (1)", False, True),
        ("WITH x AS (SELECT 1) DELETE FROM t", False, True),
        ("EXPLAIN ANALYZE DELETE FROM t", False, True),
        ("COMMIT", True, True),
        ("BEGIN", True, True),
        ("DROP TABLE t", True, True),
        ("SET autocommit = 1", True, True),
        ("CALL p()", True, True),
        ("ROLLBACK", False, False),
        ("SELECT 1; COMMIT", True, True),
    ],
)
def test_what_can_commit(statement, in_transaction, autocommit):
    can = effects.of(statement.encode())
    assert effects.can_commit(can, autocommit=False, in_transaction=True) is in_transaction
    assert effects.can_commit(can, autocommit=True, in_transaction=None) is autocommit


@pytest.mark.parametrize(
    "statement", ["BEGIN", "SET autocommit = 1", "SET PASSWORD = 'x'", "SET `autocommit` = 1", 'SET @@session."autocommit"=1']
)
def test_what_commits_an_open_transaction_alone(statement):
    can = effects.of(statement.encode())
    assert not effects.can_commit(can, autocommit=True, in_transaction=False)
    assert effects.can_commit(can, autocommit=False, in_transaction=True)
    assert effects.can_commit(can, autocommit=False, in_transaction=None)


@pytest.mark.parametrize(
    "statement", ["SET @a = 1", "SET SESSION innodb_lock_wait_timeout = 5", "SET NAMES utf8mb4", "SET TRANSACTION READ ONLY"]
)
def test_an_ordinary_set_commits_nothing(statement):
    """A unit of work that begins with one can be run again after a deadlock."""
    assert not effects.can_commit(effects.of(statement.encode()), autocommit=False, in_transaction=None)


@pytest.mark.parametrize(
    "statement", ["SET @a = f()", "SET @a = (SELECT f())", "SET STATEMENT max_statement_time = 1 FOR INSERT INTO t VALUES (1)"]
)
def test_a_set_that_can_write(statement):
    assert effects.can_commit(effects.of(statement.encode()), autocommit=True, in_transaction=False)


def test_values_are_never_looked_at():
    """A statement's template is read, not what is put into it."""
    assert effects.of(b"INSERT INTO t VALUES (%s)") == WRITES


def test_all_flags_are_apart():
    flags = [LEAVES_STATE, OUTLASTS_RESET, NEXT_TRANSACTION, WRITES, COMMITS]
    assert len({flag.bit_length() for flag in flags}) == len(flags)
    assert all(flag.bit_count() == 1 for flag in flags)
