"""What the proxy's stand-in takes for a pin, for a tracked change, and for neither; and where an answer ends."""

from __future__ import annotations

import pytest

from local.front.protocol import MAX_PAYLOAD, ProtocolError, error, framed
from local.front.proxy.answer import Answer
from local.front.proxy.pins import State, effect


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "-- SET @a = 1",
        "SELECT '@a' /* GET_LOCK('x', 1) */",
        "SELECT `@a` FROM t # SET @a = 1",
        "SELECT @@sql_mode, @@session.time_zone",
        "INSERT INTO t VALUES ('SET @a; LOCK TABLES')",
        "INSERT INTO t VALUES ('it''s; @a', \"b\\\"@c\")",
        "START TRANSACTION",
        "COMMIT;",
        "CALL p(1)",
        "FLUSH TABLES",
        "CREATE TABLE temporary_things (id INT)",
        "SELECT get_locker FROM t",
    ],
)
def test_what_does_nothing_to_the_session(statement):
    done = effect(statement)
    assert (done.pin, done.assignments, done.database, done.dropped) == (None, {}, None, None)


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("SET NAMES 'utf8mb4'", {"NAMES"}),
        ("set names utf8mb4 collate utf8mb4_bin;", {"NAMES"}),
        ("SET CHARACTER SET latin1", {"CHARACTER SET"}),
        ("SET CHARSET latin1", {"CHARACTER SET"}),
        ("SET autocommit=0", {"AUTOCOMMIT"}),
        ("SET @@session.autocommit = 1, @@session.wait_timeout = 330", {"AUTOCOMMIT", "WAIT_TIMEOUT"}),
        ("SET SESSION sql_mode := 'ANSI,TRADITIONAL', LOCAL time_zone = '+00:00'", {"SQL_MODE", "TIME_ZONE"}),
        ("SET transaction_isolation = 'READ-COMMITTED'", {"TRANSACTION_ISOLATION"}),
        ("SET @@session.tx_isolation = 'READ-COMMITTED'", {"TRANSACTION_ISOLATION"}),
        ("SET @@session.transaction_isolation = DEFAULT", {"TRANSACTION_ISOLATION"}),
        ("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", {"TRANSACTION_ISOLATION", "TRANSACTION_READ_ONLY"}),
        ("SET collation_connection = utf8mb4_bin, character_set_results = NULL", {"COLLATION_CONNECTION", "CHARACTER_SET_RESULTS"}),
    ],
)
def test_what_is_tracked(statement, names):
    done = effect(statement)
    assert done.pin is None
    assert done.assignments.keys() == names


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("SET @a = 1", "user variable"),
        ("SELECT id INTO @a FROM t", "user variable"),
        ("SELECT @a := 1", "user variable"),
        ("SELECT GET_LOCK('x', 1)", "GET_LOCK"),
        ("SELECT get_lock ('x', 1)", "GET_LOCK"),
        ("LOCK TABLES t READ", "LOCK TABLES"),
        ("FLUSH TABLES WITH READ LOCK", "LOCK TABLES"),
        ("CREATE TEMPORARY TABLE t (id INT)", "temporary table"),
        ("CREATE OR REPLACE TEMPORARY TABLE t (id INT)", "temporary table"),
        ("HANDLER t OPEN", "HANDLER"),
        ("PREPARE s FROM 'SELECT 1'", "prepared statement"),
        ("EXECUTE s", "prepared statement"),
        ("SELECT 1; SELECT 2", "several statements"),
        ("SET group_concat_max_len = 9", "SET GROUP_CONCAT_MAX_LEN"),
        ("SET @@session.session_track_state_change = 1", "SET SESSION_TRACK_STATE_CHANGE"),
        ("SET autocommit = 0, sql_safe_updates = 1", "SET SQL_SAFE_UPDATES"),
        ("SET GLOBAL wait_timeout = 9", "SET GLOBAL WAIT_TIMEOUT"),
        ("SET @@global.wait_timeout = 9", "SET GLOBAL WAIT_TIMEOUT"),
        ("SET @@transaction_isolation = 'SERIALIZABLE'", "SET TRANSACTION_ISOLATION for the next transaction"),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"),
        ("SET sql_mode = CONCAT(@@sql_mode, ',ANSI')", "SET SQL_MODE to an expression"),
        ("SET sql_mode = @@global.sql_mode", "SET SQL_MODE to an expression"),
        ("SET STATEMENT max_statement_time = 1 FOR SELECT 1", "SET STATEMENT max_statement_time = 1 FOR SELECT 1"),
        ("/*!50000 SET @a = 1 */", "user variable"),
    ],
)
def test_what_pins(statement, reason):
    assert effect(statement).pin == reason


def test_the_state_is_what_the_last_statements_have_set():
    state = State()
    for statement in ("SET character_set_results = NULL", "SET NAMES utf8mb4", "SET sql_mode = ''", "SET sql_mode = 'ANSI'", "USE `a``b`"):
        state.change(effect(statement))
    assert state == State({"NAMES": "NAMES utf8mb4", "SQL_MODE": "@@session.sql_mode = 'ANSI'"}, "a`b")
    state.change(effect("DROP DATABASE IF EXISTS `a``b`"))
    assert state.database is None


OK = b"\0\0\0\x03\0\0\0"
COLUMNS = [b"\x02", b"first", b"second"]
EOF = b"\xfe\0\0\x02\0"
ANSWERS = {
    "OK": (True, [OK]),
    "an OK with a long message": (True, [OK + b"m" * 300]),
    "an error": (True, [error(1146, "42S02", "m" * 300)]),
    "rows": (True, [*COLUMNS, b"\x01a\x01b", b"\xfb\xfb", b"\xfe\0\0\x03\0\0\0"]),
    "rows before an error": (True, [*COLUMNS, b"\x01a\x01b", error(1317, "70100", "interrupted")]),
    "rows with EOF packets": (False, [*COLUMNS, EOF, b"\x01a\x01b", EOF]),
    "two results": (True, [*COLUMNS, b"\xfe\0\0\x0b\0\0\0", OK]),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_an_answer_ends_with_its_last_byte(name, chunk):
    deprecate_eof, packets = ANSWERS[name]
    data = b"".join(framed(packet, number + 1) for number, packet in enumerate(packets))
    answer = Answer(deprecate_eof)
    for position in range(0, len(data), chunk):
        assert not answer.done
        answer.feed(data[position : position + chunk])
    assert answer.done
    assert answer.failed == ("error" in name)
    if not answer.failed:
        assert answer.status == (3 if deprecate_eof else 2)


def test_a_server_that_asks_for_a_file_is_refused():
    with pytest.raises(ProtocolError, match="file"):
        Answer(True).feed(framed(b"\xfb/etc/passwd", 1))


def test_a_row_of_more_than_one_packet():
    """The second packet of the row begins like the end of the rows."""
    row = [b"\xff\xff\xff\x04" + bytes(MAX_PAYLOAD), framed(b"\xfe\0\0\x03\0\0\0", 5)]
    answer = Answer(True)
    for part in (*(framed(packet, number + 1) for number, packet in enumerate(COLUMNS)), *row):
        answer.feed(part)
        assert not answer.done
    answer.feed(framed(b"\xfe\0\0\x03\0\0\0", 6))
    assert answer.done
