"""No value becomes SQL, under any sql_mode, however it was set, and through every cursor. A statement's own text is never replaced."""

from __future__ import annotations

import itertools
import re

import pytest
from rdspool import dbapi, get_engine
from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, exc, insert, literal, select, text
from sqlalchemy.orm import Session, declarative_base

HOSTILE = [
    "\\' OR 1=1 # ",
    "' OR ''='",
    "\\",
    "\\\\' -- ",
    "x\\",
    "\\%' OR 1=1 -- ",
    "delimiter x' -- ",
    "a\nDELIMITER //\n; DROP TABLE named -- ",
    '" OR 1=1 -- ',
    "*/ OR 1=1 /*",
    "\x00\x1a\n\r\t'\\\"`",
    "%s %(name)s %(0)s %% :name ?",
    "\N{GRINNING FACE}\\\N{LATIN SMALL LETTER E WITH ACUTE}'",
    "\N{CJK UNIFIED IDEOGRAPH-8A2D}\\' OR 1=1 # ",
]

Base = declarative_base()


class Note(Base):
    __tablename__ = "notes"
    id = Column(Integer, primary_key=True)
    body = Column(String(300))


@pytest.fixture(scope="module", autouse=True)
def tables(server):
    server.execute(
        "CREATE TABLE IF NOT EXISTS app.named (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(300), KEY (name)) CHARACTER SET utf8mb4",
        "DELETE FROM app.named",
        "INSERT INTO app.named (name) VALUES ('one'), ('two'), ('three')",
        "CREATE TABLE IF NOT EXISTS app.di (id INT PRIMARY KEY, a VARCHAR(200), b VARCHAR(200)) CHARACTER SET utf8mb4",
        "DROP PROCEDURE IF EXISTS app.no_escapes",
        "DROP PROCEDURE IF EXISTS app.escapes",
        "DROP FUNCTION IF EXISTS app.no_escapes_too",
        "CREATE PROCEDURE app.no_escapes() SET sql_mode = 'NO_BACKSLASH_ESCAPES'",
        "CREATE PROCEDURE app.escapes() SET sql_mode = ''",
        "CREATE FUNCTION app.no_escapes_too() RETURNS INT NO SQL BEGIN SET sql_mode = 'NO_BACKSLASH_ESCAPES'; RETURN 1; END",
        "CREATE TABLE IF NOT EXISTS app.triggering (id INT)",
        "DROP TRIGGER IF EXISTS app.sets_mode",
        "CREATE TRIGGER app.sets_mode BEFORE INSERT ON app.triggering FOR EACH ROW SET @@session.sql_mode = 'NO_BACKSLASH_ESCAPES'",
    )


MODES = {
    "usual": [],
    "statement": ["SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'"],
    "ansi": ["SET SESSION sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES'"],
    "ansi quotes": ["SET SESSION sql_mode = 'ANSI_QUOTES'"],
    "procedure": ["CALL no_escapes()"],
    "procedure back": ["SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'", "CALL escapes()"],
    "function": ["SELECT no_escapes_too()"],
    "trigger": ["INSERT INTO triggering VALUES (1)"],
}


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
@pytest.mark.parametrize("mode", MODES)
def test_a_hostile_value_finds_itself_only(target, mode, value):
    with get_engine(**target).connect() as connection:
        for statement in MODES[mode]:
            connection.exec_driver_sql(statement).close()
        assert connection.execute(text("SELECT id FROM named WHERE name = :n"), {"n": value}).all() == []
        assert connection.execute(text("SELECT :n"), {"n": value}).scalar_one() == value
        assert connection.exec_driver_sql("SELECT %(n)s, %(n)s", {"n": value}).one() == (value, value)
        assert connection.execute(select(literal(value, literal_execute=True))).scalar_one() == value
        connection.exec_driver_sql("SET SESSION sql_mode = DEFAULT")


@pytest.mark.parametrize("server", ["mariadb"], indirect=True)
@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_set_statement_of_mariadb(target, value):
    with get_engine(**target).connect() as connection:
        connection.exec_driver_sql("SET STATEMENT sql_mode='NO_BACKSLASH_ESCAPES' FOR SELECT 1").close()
        assert connection.execute(text("SELECT id FROM named WHERE name = :n"), {"n": value}).all() == []
        assert connection.execute(text("SELECT :n"), {"n": value}).scalar_one() == value


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_another_client_reads_what_was_sent(server, target, value):
    with get_engine(**target).begin() as connection:
        connection.exec_driver_sql("DELETE FROM di")
        connection.execute(text("INSERT INTO di VALUES (1, :a, :b)"), {"a": value, "b": value.encode()})
    ((found,),) = server.execute("SELECT HEX(a) FROM app.di")
    assert bytes.fromhex(found).decode() == value
    ((found,),) = server.execute("SELECT HEX(b) FROM app.di")
    assert bytes.fromhex(found).decode() == value


CURSORS = [{}, {"dictionary": True}, {"named_tuple": True}, {"buffered": False}, {"buffered": False, "dictionary": True}, {"raw": True}]


@pytest.mark.parametrize("options", CURSORS, ids=repr)
def test_values_with_the_word_delimiter(server, target, options):
    server.execute("DELETE FROM app.di", "INSERT INTO app.di VALUES (1, 'a', 'b'), (2, 'a', 'b')")
    raw = get_engine(**target).raw_connection()
    cursor = raw.dbapi_connection.cursor(**options)
    cursor.execute("UPDATE di SET a = %s\nWHERE b = %s", ("delimiter x' -- ", " , b=0x50574e4544 # "))
    assert cursor.rowcount == 0
    cursor.execute("UPDATE di SET a = %s WHERE id = %s", ("Set the delimiter option; don't forget", 1))
    assert cursor.rowcount == 1
    cursor.close()
    raw.dbapi_connection.commit()
    raw.close()
    assert server.execute("SELECT a, b FROM app.di ORDER BY id") == [("Set the delimiter option; don't forget", "b"), ("a", "b")]


def test_an_orm_value_with_the_word_delimiter(target):
    engine = get_engine(**target)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.merge(Note(id=1, body="Set the delimiter option; don't forget"))
        session.commit()
    with Session(engine) as session:
        assert session.get(Note, 1).body == "Set the delimiter option; don't forget"


def test_a_column_named_delimiter(target):
    engine = get_engine(**target)
    metadata = MetaData()
    table = Table("delimiters", metadata, Column("id", Integer, primary_key=True), Column("delimiter", String(20)))
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.delete())
        connection.execute(table.insert(), {"id": 1, "delimiter": ";"})
        assert connection.exec_driver_sql("SELECT delimiter FROM delimiters").scalar_one() == ";"
        assert connection.execute(select(table.c.delimiter)).scalar_one() == ";"


@pytest.mark.parametrize(
    "name",
    ["owner's", "Order #", 'say "x"', "a`b", "a -- b", "a/*b", "a*/b", "100% (net)", "a[0]", "back\\slash", "%s", "%(x)s", "--\tb"],
    ids=ascii,
)
def test_a_column_of_any_name(target, name):
    """SQLAlchemy names the placeholders after the columns."""
    metadata = MetaData()
    table = Table("odd_names", metadata, Column("id", Integer, primary_key=True), Column(name, String(50)))
    engine = get_engine(**target)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), {"id": 1, name: "\\' OR 1=1 # "})
        connection.execute(table.insert(), [{"id": 2, name: "two"}, {"id": 3, name: None}])
        assert connection.execute(table.update().where(table.c[name] == "two").values({name: "'"})).rowcount == 1
        assert connection.execute(select(table).order_by(table.c.id)).all() == [(1, "\\' OR 1=1 # "), (2, "'"), (3, None)]


def test_a_statements_own_text_is_kept(server, target):
    server.execute(
        "CREATE TABLE IF NOT EXISTS app.titled (owner VARCHAR(20), title VARCHAR(40))",
        "DELETE FROM app.titled",
        "INSERT INTO app.titled VALUES ('me', 'a (draft) b'), ('me', 'final'), ('me', 'a (test)series b'), ('you', 'a (draft) b')",
    )
    with get_engine(**target).begin() as connection:
        deleted = connection.execute(text("DELETE FROM titled WHERE owner = :o AND title LIKE '%(draft)%'"), {"o": "me"})
        assert deleted.rowcount == 1
        found = connection.exec_driver_sql("SELECT title FROM titled WHERE title LIKE '%(test)series%' AND owner = %(o)s", {"o": "me"})
        assert found.scalars().all() == ["a (test)series b"]
        one = connection.exec_driver_sql("SELECT DATE_FORMAT('2026-11-25 01:02:03', '%H:%i:%s'), %s -- 100%sure\n", ("x",)).one()
        assert one == ("01:02:03", "x")
        assert connection.exec_driver_sql(
            "SELECT '%(o)s', \"%s\", `%s` /* %s */ FROM (SELECT 7 AS `%s`) AS t WHERE %(o)s = 1", {"o": 1}
        ).one() == (
            "%(o)s",
            "%s",
            7,
        )
        assert connection.exec_driver_sql("SELECT 17 %size, %s FROM (SELECT 5 AS size) AS t", (1,)).one() == (2, 1)


@pytest.mark.parametrize("server", ["mariadb"], indirect=True)
def test_names_in_brackets_of_mariadb(target):
    with get_engine(**target).connect() as connection:
        connection.exec_driver_sql("SET sql_mode = 'MSSQL'")
        names = "(SELECT 1 AS [a'b], 2 AS [c'd]) AS t"
        assert connection.exec_driver_sql(f"SELECT [a'b], %s, [c'd], '%s' FROM {names}", ("x'",)).one() == (1, "x'", 2, "%s")
        row = connection.exec_driver_sql("SELECT 1 AS [a]]b's], 2 AS [c]] %s ], %s AS d", ("] x",)).one()
        assert row._asdict() == {"a]b's": 1, "c] %s ": 2, "d": "] x"}
        connection.exec_driver_sql("SET sql_mode = DEFAULT")


def test_a_placeholder_in_quotes_gets_no_value(target):
    """A value put in there would stand outside of the quotes."""
    with get_engine(**target).connect() as connection:
        with pytest.raises(exc.ProgrammingError, match="quotes around a placeholder are left out"):
            connection.exec_driver_sql("SELECT id FROM named WHERE name = '%s'", ("x OR 1=1 -- ",))
        for statement in ("SELECT id FROM named -- WHERE name = :n", "SELECT id FROM named WHERE name = ':n'", "SELECT /*! :n */ 1"):
            with pytest.raises(exc.ProgrammingError, match="in quotes or a comment"):
                connection.execute(text(statement), {"n": "\n OR 1=1"})


@pytest.mark.parametrize("mode", ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES"])
def test_a_backslash_before_a_quote_in_the_statement(target, mode):
    """Only here does the mode decide how the statement's own text reads, so the server is asked for it."""
    with get_engine(**target).connect() as connection:
        connection.exec_driver_sql(f"SET SESSION sql_mode = '{mode}'")
        if mode == "NO_BACKSLASH_ESCAPES":
            statement, expected = "SELECT 'a\\', %s, '%s'", ("a\\", "x' OR 1=1", "%s")
        else:
            statement, expected = "SELECT 'it\\'s', %s, '%s'", ("it's", "x' OR 1=1", "%s")
        assert connection.exec_driver_sql(statement, ("x' OR 1=1",)).one() == expected
        connection.exec_driver_sql("SET SESSION sql_mode = DEFAULT")


def test_stacked_statements_need_a_setting(server, target):
    server.execute("CREATE TABLE IF NOT EXISTS app.victim (id INT)")
    with get_engine(**target).connect() as connection:
        with pytest.raises(exc.ProgrammingError) as caught:
            connection.exec_driver_sql("SELECT 1; DROP TABLE victim")
        assert caught.value.orig.errno == 1064
        with pytest.raises(exc.ProgrammingError):
            connection.exec_driver_sql("SELECT %s; DROP TABLE victim", (1,))
    with get_engine("stacked", **target, multi_statements=True).connect() as connection:
        assert connection.exec_driver_sql("SELECT 1; SELECT 2").scalar_one() == 1
    assert server.execute("SELECT COUNT(*) FROM app.victim") == [(0,)]


# -- the same strength as an ordinary literal ----------------------------------------------------------------------------------


def plan(rows):
    """Return what EXPLAIN says, without the introducers that MySQL shows with a literal."""
    return re.sub(r"_(utf8mb4|binary)'", "'", str([dict(row) for row in rows]).replace("\\", ""))


@pytest.mark.parametrize(
    ("column", "value"),
    [*itertools.product("abc", ["plain", "back\\slash", "like\\_this\\%"]), ("c", b"plain"), ("c", b"back\\slash")],
)
def test_indexes_are_used_as_with_an_ordinary_literal(server, target, column, value):
    server.execute(
        "DROP TABLE IF EXISTS app.indexed",
        "CREATE TABLE app.indexed (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(50) COLLATE utf8mb4_bin, b VARCHAR(50) COLLATE utf8mb4_unicode_ci,"
        " c VARBINARY(50), KEY (a), KEY (b), KEY (c))",
        *(f"INSERT INTO app.indexed (a, b, c) VALUES ('x{n}', 'x{n}', 'x{n}')" for n in range(50)),
        "ANALYZE TABLE app.indexed",
    )
    kind = "_binary " if isinstance(value, bytes) else ""
    shown = value.decode() if isinstance(value, bytes) else value
    with get_engine(**target).connect() as connection:
        for comparison in ("=", "LIKE", ">"):
            ordinary = connection.exec_driver_sql(
                f"EXPLAIN SELECT id FROM indexed WHERE {column} {comparison} {kind}'" + shown.replace("\\", "\\\\") + "'"
            ).mappings()
            sent = connection.exec_driver_sql(f"EXPLAIN SELECT id FROM indexed WHERE {column} {comparison} %s", (value,)).mappings()
            assert plan(sent) == plan(ordinary)
        properties = "COERCIBILITY({0}), COLLATION({0}), CHARSET({0})"
        (row,) = connection.exec_driver_sql("SELECT " + properties.format("%s"), (value, value, value)).all()
        (expected,) = connection.exec_driver_sql("SELECT " + properties.format(f"{kind}'x'")).all()
        assert row == expected


@pytest.mark.parametrize("value", ['{"a": "x\\\\y\\"z\\u00e9"}', '["plain"]', '{"path": "C:\\\\%"}'])
def test_json_is_taken_as_with_an_ordinary_literal(server, target, value):
    server.execute("CREATE TABLE IF NOT EXISTS app.documents (id INT PRIMARY KEY, d JSON)", "DELETE FROM app.documents")
    with get_engine(**target).begin() as connection:
        connection.execute(text("INSERT INTO documents VALUES (1, :d)"), {"d": value})
        assert connection.execute(text("SELECT JSON_VALID(:d)"), {"d": value}).scalar_one() == 1
        assert connection.execute(text("SELECT JSON_TYPE(d) FROM documents")).scalar_one() in ("OBJECT", "ARRAY")
        connection.execute(text("UPDATE documents SET d = JSON_SET(d, '$.b', :v)"), {"v": "back\\slash'"})
        if value.startswith("{"):
            assert (
                connection.execute(text("SELECT JSON_UNQUOTE(JSON_EXTRACT(d, :p)) FROM documents"), {"p": "$.b"}).scalar_one()
                == "back\\slash'"
            )


def test_like_patterns(target):
    with get_engine(**target).connect() as connection:
        question = text("SELECT :v LIKE :p, :v LIKE :q ESCAPE :e")
        row = connection.execute(question, {"v": "a_b\\c", "p": "a\\_b%", "q": "a|_b\\c", "e": "|"}).one()
        assert row == (1, 1)
        assert connection.execute(text("SELECT 'a%b' LIKE :p ESCAPE :e"), {"p": "a\\%b", "e": "\\"}).scalar_one() == 1
        with pytest.raises(exc.ProgrammingError) as caught:  # takes a quoted text only
            connection.execute(text("SHOW TABLES LIKE :p"), {"p": "nam\\ed"})
        assert "SHOW ... LIKE" in caught.value.orig.__notes__[0]
        assert connection.execute(text("SHOW TABLES LIKE :p"), {"p": "name_"}).scalars().all() == ["named"]


# -- many rows -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO ec (id) VALUES (%s)",
        "INSERT INTO ec (id) VALUES (%s) -- import (nightly)",
        "INSERT INTO ec (id) VALUES (%s) # import (nightly)",
        "INSERT INTO ec (id) VALUES (%s) /* import (nightly) */",
        "INSERT /* VALUES (1) */ INTO ec (id) VALUES (%s)",
        "INSERT INTO ec (note, id) VALUES (') values (', %s)",
        'INSERT INTO ec (note, id) VALUES (") values (", %s)',
        "insert into `ec` (`id`, note) values (%s, NULL) on duplicate key update note = 'x'",
        "REPLACE INTO app.ec VALUES (%s, DEFAULT)",
        "INSERT INTO ec (id) SELECT %s",
        "INSERT INTO ec SET id = %s",
        "INSERT INTO ec (id, note) VALUES (%s, CONCAT('(', 'x', ')'))",
        "INSERT INTO ec (id) VALUES (%s);",
    ],
)
def test_executemany_keeps_every_row(server, target, statement):
    server.execute("CREATE TABLE IF NOT EXISTS app.ec (id INT PRIMARY KEY, note VARCHAR(30))", "DELETE FROM app.ec")
    with get_engine(**target).begin() as connection:
        result = connection.exec_driver_sql(statement, [(1,), (2,), (3,)])
        assert result.rowcount == 3
    assert server.execute("SELECT id FROM app.ec ORDER BY id") == [(1,), (2,), (3,)]


@pytest.mark.parametrize("mode", ["", "STRICT_TRANS_TABLES"])
def test_a_null_for_a_column_that_takes_none_is_refused_in_many_rows_as_in_one(server, target, mode):
    """Without a strict mode the servers store 0 for it in an INSERT of several rows."""
    server.execute("CREATE TABLE IF NOT EXISTS app.no_nulls (id INT PRIMARY KEY, v INT NOT NULL)", "DELETE FROM app.no_nulls")
    with get_engine(**target).connect() as connection:
        connection.exec_driver_sql(f"SET SESSION sql_mode = '{mode}'")
        with pytest.raises(exc.IntegrityError):
            connection.exec_driver_sql("INSERT INTO no_nulls VALUES (%s, %s)", [(1, None), (2, 3)])
        connection.rollback()
        connection.exec_driver_sql("SET SESSION sql_mode = DEFAULT")
    assert server.execute("SELECT COUNT(*) FROM app.no_nulls") == [(0,)]


def test_many_rows_go_together(front, target, server):
    server.execute("CREATE TABLE IF NOT EXISTS app.ec (id INT PRIMARY KEY, note VARCHAR(30))", "DELETE FROM app.ec")
    with get_engine(**target).begin() as connection:
        with front.count() as count:
            connection.execute(text("INSERT INTO ec (id, note) VALUES (:id, :note)"), [{"id": n, "note": f"\\'{n}"} for n in range(10_000)])
        assert len(count.commands) == 1
    assert server.execute("SELECT COUNT(*), MIN(note) FROM app.ec") == [(10_000, "\\'0")]


# -- counts and parameters -----------------------------------------------------------------------------------------------------


def test_row_counts(target):
    engine = get_engine(**target)
    metadata = MetaData()
    table = Table("counted", metadata, Column("id", Integer, primary_key=True), Column("v", Integer))
    metadata.drop_all(engine)
    metadata.create_all(engine)
    with engine.begin() as connection:
        assert connection.execute(table.insert(), {"v": 1}).rowcount == 1
        assert connection.execute(table.insert(), [{"v": 1}, {"v": 2}]).rowcount == 2
        assert connection.execute(insert(table).values([{"v": 3}, {"v": 4}, {"v": 5}])).rowcount == 3
        assert connection.execute(table.update().where(table.c.id == bindparam("i")).values(v=9), [{"i": 1}, {"i": 2}]).rowcount == 2
        assert connection.execute(table.delete()).rowcount == 6


@pytest.mark.parametrize(
    "params", [{1: 3}, {b"a": 3}, {"\ud800": 1}, {"b": 1}, (object(),), ([1, 2],), ("\ud800",), "x", 5, {1, 2}], ids=ascii
)
def test_parameters_that_can_not_be_used_are_refused(target, params):
    raw = get_engine(**target).raw_connection()
    cursor = raw.cursor()
    statement = "SELECT %s" if isinstance(params, tuple) else "SELECT %(a)s"
    with pytest.raises(cursor.connection.ProgrammingError):
        cursor.execute(statement, params)
    cursor.execute("SELECT 1")
    assert cursor.fetchall() == [(1,)]
    raw.close()


@pytest.mark.parametrize("statement", [memoryview(b"SELECT 1"), 5, None, "SELECT '\ud800'", ["SELECT 1"]], ids=ascii)
def test_what_is_no_statement_is_refused(target, statement):
    raw = get_engine(**target).raw_connection()
    cursor = raw.cursor()
    for params in (None, (1,), {"a": 1}):
        with pytest.raises(cursor.connection.ProgrammingError):
            cursor.execute(statement, params)
    raw.close()


# -- the session ------------------------------------------------------------------------------------------------------------


def test_autocommit_that_a_statement_turned_on_does_not_reach_the_next_user(target, server):
    server.execute(
        "DROP TABLE IF EXISTS app.kept", "CREATE TABLE app.kept (id INT PRIMARY KEY, v INT)", "REPLACE INTO app.kept VALUES (1, 1)"
    )
    engine = get_engine(**target)
    with engine.connect() as connection:
        connection.exec_driver_sql("SET autocommit = 1")
    with pytest.raises(ZeroDivisionError), engine.begin() as connection:
        connection.execute(text("UPDATE kept SET v = 2"))
        raise ZeroDivisionError
    assert server.execute("SELECT v FROM app.kept") == [(1,)]


def test_a_session_is_reset_only_where_a_statement_changed_it(front, target):
    engine = get_engine(**target)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    with front.count() as count:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        with engine.connect() as connection:
            connection.exec_driver_sql("SET autocommit = 1")
        with engine.connect() as connection:
            connection.execute(text("SELECT 2"))
    commands = count.commands
    assert commands.pop(4).startswith("QUERY SET NAMES 'utf8mb4', @@session.autocommit = 0")
    assert commands == [
        "QUERY SELECT 1",
        "QUERY ROLLBACK",
        "QUERY SET autocommit = 1",
        "RESET_CONNECTION",
        "QUERY SELECT 2",
        "QUERY ROLLBACK",
    ]


def test_an_init_command_may_have_a_result(password_target):
    with dbapi.connect(**password_target, init_command="SELECT 1") as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 2")
        assert cursor.fetchall() == [(2,)]
