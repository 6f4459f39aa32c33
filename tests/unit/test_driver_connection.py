"""The connection of PEP 249 over a socket pair: cursors, transactions, the session and the end."""

from __future__ import annotations

import socket

import pytest
from fake_server import (
    AUTOCOMMIT,
    IN_TRANSACTION,
    LONGLONG,
    MORE_RESULTS,
    PING,
    QUIT,
    RESET_CONNECTION,
    FakeServer,
    close,
    column,
    numbers,
    ok,
    packets,
    refusal,
    result,
    row,
    silence,
)
from mysql.connector.errors import DatabaseError, NotSupportedError, OperationalError, ProgrammingError
from rdspool import ProtocolError, SettingsError, StatementTimeoutError, dbapi
from rdspool._driver import not_offered
from rdspool._driver.command_phase import CommandPhase
from rdspool._driver.connection import Connection
from rdspool._driver.connection_state import STATE_CHANGED
from rdspool._driver.cursors import Cursor
from rdspool._driver.packets import PacketStream
from rdspool._driver.probes import ask, asked_together
from rdspool._driver.row_kinds import DictCursor, NamedTupleCursor
from rdspool._driver.session_start import SessionStart
from rdspool._driver.streams import StreamingCursor, StreamingDictCursor, StreamingNamedTupleCursor

pytestmark = pytest.mark.usefixtures("each_decoder")


@pytest.mark.parametrize(
    "head",
    [b"\n" + b" " * 200, b"/* a */ " * 60, b"-- a\n" * 60, b"# a\n" * 60, b" \t\r\n" * 60],
    ids=["blanks", "c", "sql", "hash", "mixed"],
)
def test_any_blanks_and_comments_before_a_statement_let_it_be_read(connect, head):
    """A statement in a function's own indentation begins with many blanks: a search that goes back on itself would not end within the test's time limit."""
    connection, server = connect()
    server.will_answer([ok()], [ok()])
    cursor = connection.cursor()
    cursor.execute(head + b"DO 1")
    assert not connection.transaction.open
    cursor.execute(head + b"set  transaction read only")
    assert connection.transaction.open


# -- cursors -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, Cursor),
        ({"buffered": None}, StreamingCursor),
        ({"buffered": True, "dictionary": True}, DictCursor),
        ({"named_tuple": True}, NamedTupleCursor),
        ({"buffered": False}, StreamingCursor),
        ({"buffered": False, "dictionary": True}, StreamingDictCursor),
        ({"buffered": False, "named_tuple": True}, StreamingNamedTupleCursor),
    ],
)
def test_each_kind_of_cursor(connect, options, kind):
    connection, _ = connect()
    assert type(connection.cursor(**options)) is kind


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"prepared": True}, NotSupportedError, "no prepared cursors"),
        ({"cursor_class": object}, NotSupportedError, "no cursors of another class"),
        ({"dictionary": True, "named_tuple": True}, ProgrammingError, "not both"),
        ({"dictionary": True, "named_tuple": True, "buffered": False}, ProgrammingError, "not both"),
    ],
)
def test_kinds_of_cursors_that_are_refused(connect, options, error, message):
    connection, server = connect()
    with pytest.raises(error, match=message):
        connection.cursor(**options)
    assert server.commands == []


def test_a_cursors_own_time_out_holds(connect):
    connection, server = connect()
    connection.read_timeout = 30.0
    assert (connection.read_timeout, connection.write_timeout) == (30.0, None)
    connection.write_timeout = 20.0
    assert connection.write_timeout == 20.0
    server.will_answer(silence)
    with pytest.raises(StatementTimeoutError, match=r"0\.02 s"):
        connection.cursor(read_timeout=0.02).execute("DO SLEEP(9)")
    assert connection.closed


def test_the_connections_time_out_holds_for_a_cursor_without_one(connect):
    connection, server = connect()
    connection.read_timeout = 0.02
    server.will_answer(silence)
    with pytest.raises(StatementTimeoutError, match=r"0\.02 s"):
        connection.cursor().execute("DO SLEEP(9)")


# -- transactions --------------------------------------------------------------------------------------------------------------------


def run(connection, server, status=0, statement="DO 1"):
    server.will_answer([ok(status=status)])
    connection.cursor().execute(statement)


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_a_commit_or_rollback_without_statements_sends_nothing(connect, end):
    connection, server = connect(autocommit=False)
    getattr(connection, end)()
    assert server.commands == []
    run(connection, server)
    server.will_answer([ok(status=0)])
    getattr(connection, end)()
    getattr(connection, end)()
    assert server.statements == [b"DO 1", end.upper().encode()]


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_with_autocommit_there_is_nothing_to_end(connect, end):
    connection, server = connect()
    run(connection, server, AUTOCOMMIT)
    getattr(connection, end)()
    assert server.statements == [b"DO 1"]


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize("autocommit", [True, False])
def test_a_transaction_that_the_server_reports_is_ended(connect, end, autocommit):
    connection, server = connect(autocommit=autocommit)
    run(connection, server, IN_TRANSACTION | (AUTOCOMMIT if autocommit else 0), "START TRANSACTION")
    assert connection.in_transaction
    server.will_answer([ok(status=AUTOCOMMIT if autocommit else 0)])
    getattr(connection, end)()
    assert server.statements[-1] == end.upper().encode()
    assert not connection.in_transaction


def test_after_a_refusal_a_transaction_may_be_open(connect):
    """A refusal carries no status: a procedure that failed can have begun one."""
    connection, server = connect()
    server.will_answer([refusal()], [ok()])
    with pytest.raises(ProgrammingError):
        connection.cursor().execute("CALL p()")
    assert connection.transaction.open
    connection.rollback()
    assert server.statements == [b"CALL p()", b"ROLLBACK"]
    assert not connection.transaction.open


def test_a_rollback_ends_what_was_set_for_the_next_transaction(connect):
    connection, server = connect()
    run(connection, server, AUTOCOMMIT, "SET TRANSACTION READ ONLY")
    server.will_answer([ok()])
    connection.rollback()
    connection.rollback()
    assert server.statements == [b"SET TRANSACTION READ ONLY", b"ROLLBACK"]


@pytest.mark.parametrize(
    "statement", ["SET SESSION TRANSACTION READ ONLY", "SELECT 'SET TRANSACTION'", "SET TRANSACTIONS = 1", "INSERT INTO t"]
)
def test_a_statement_that_only_resembles_set_transaction_needs_no_rollback(connect, statement):
    connection, server = connect()
    run(connection, server, AUTOCOMMIT, statement)
    connection.rollback()
    assert len(server.statements) == 1


def test_commit_fails_on_a_lost_connection_and_rollback_does_not(connect):
    """The server rolled a lost connection's transaction back, and what a COMMIT did is not known."""
    connection, server = connect(autocommit=False)
    server.will_answer(close)
    with pytest.raises(OperationalError):
        connection.cursor().execute("UPDATE t SET a = 1")
    assert (connection.closed, connection.lost) == (True, True)
    connection.rollback()
    with pytest.raises(OperationalError) as caught:
        connection.commit()
    assert caught.value.errno == 2006


def test_commit_and_rollback_fail_on_a_connection_that_its_owner_closed(connect):
    connection, _ = connect()
    connection.close()
    for end in (connection.commit, connection.rollback):
        with pytest.raises(OperationalError) as caught:
            end()
        assert caught.value.errno == 2006


def test_a_lost_commit_is_an_error(connect):
    connection, server = connect(autocommit=False)
    run(connection, server, IN_TRANSACTION)
    server.will_answer(close)
    with pytest.raises(OperationalError) as caught:
        connection.commit()
    assert caught.value.errno == 2013


def test_a_rollback_drops_unread_results_and_rows(connect):
    connection, server = connect(autocommit=False)
    server.will_answer(numbers(1, status=MORE_RESULTS) + numbers(2, status=0), [ok(status=0)], numbers(1, 2, 3, status=0), [ok(status=0)])
    connection.cursor().execute("SELECT 1; SELECT 2")
    connection.rollback()
    stream = connection.cursor(buffered=False)
    stream.execute("SELECT n")
    connection.rollback()
    assert server.statements[1::2] == [b"ROLLBACK", b"ROLLBACK"]


# -- the session ---------------------------------------------------------------------------------------------------------------------


def test_autocommit_is_what_the_server_says(connect):
    connection, server = connect()
    assert connection.autocommit
    run(connection, server, 0, "SET autocommit = 0")
    assert not connection.autocommit


def test_autocommit_is_set_where_it_differs(connect):
    connection, server = connect()
    connection.autocommit = True
    assert server.commands == []
    server.will_answer([ok(status=0)])
    connection.autocommit = False
    assert server.statements == [b"SET @@session.autocommit = 0"]
    assert not connection.autocommit
    assert not connection.transaction.open


@pytest.mark.parametrize("wanted", [True, False])
def test_autocommit_that_a_statement_changed_is_restored(connect, wanted):
    """Where a reset is switched off, too: the server's status has it."""
    connection, server = connect(autocommit=wanted, resets=False)
    assert connection.restore()
    assert server.commands == []
    run(connection, server, 0 if wanted else AUTOCOMMIT, f"SET autocommit = {int(not wanted)}")
    server.will_answer([ok(status=AUTOCOMMIT if wanted else 0)])
    assert connection.restore()
    assert server.statements[-1] == b"SET @@session.autocommit = %d" % wanted
    assert connection.autocommit is wanted


@pytest.mark.parametrize(
    ("version", "name", "shown"),
    [
        ("9.7.4-2", "transaction_isolation", "9.7.4-2"),
        ("8.0.36", "transaction_isolation", "8.0.36"),
        ("5.7.20-log", "transaction_isolation", "5.7.20-log"),
        ("5.7.19", "tx_isolation", "5.7.19"),
        ("5.5.5-10.11.19-MariaDB", "tx_isolation", "10.11.19-MariaDB"),
        ("11.0.5-MariaDB", "tx_isolation", "11.0.5-MariaDB"),
        ("11.1.2-MariaDB-log", "transaction_isolation", "11.1.2-MariaDB-log"),
        ("11.8-MariaDB", "transaction_isolation", "11.8-MariaDB"),
    ],
)
def test_the_isolation_variable_depends_on_the_servers_version(connect, version, name, shown):
    connection, server = connect(version)
    assert (connection.isolation_variable, connection.server_version) == (name, shown)
    server.will_answer([ok(status=0)])
    connection.set_isolation_level("REPEATABLE READ")
    assert server.statements == [f"SET @@session.autocommit = 0, @@session.{name} = 'REPEATABLE-READ'".encode()]


def test_an_isolation_level_commits_what_is_open(connect):
    connection, server = connect(autocommit=False)
    run(connection, server, IN_TRANSACTION)
    server.will_answer([ok(status=IN_TRANSACTION)], [ok(status=0)])
    connection.set_isolation_level("SERIALIZABLE")
    assert server.statements[1:] == [b"SET @@session.transaction_isolation = 'SERIALIZABLE'", b"COMMIT"]


def test_autocommit_as_an_isolation_level(connect):
    connection, server = connect(autocommit=False)
    server.will_answer([ok()])
    connection.set_isolation_level("AUTOCOMMIT")
    assert server.statements == [b"SET @@session.autocommit = 1"]


def test_starts_with_compares_the_isolation_level_until_a_statement_ran(connect):
    connection, _ = connect(autocommit=False, isolation_level="READ COMMITTED")
    assert connection.starts_with("READ COMMITTED")
    assert not connection.starts_with("SERIALIZABLE")
    assert not connection.starts_with("AUTOCOMMIT")
    connection, server = connect()
    assert connection.starts_with("AUTOCOMMIT")
    run(connection, server, AUTOCOMMIT)
    assert not connection.starts_with("AUTOCOMMIT"), "a statement can have changed it"


def test_the_statement_that_sets_a_session_up():
    everything = SessionStart(
        autocommit=True,
        isolation_level="READ COMMITTED",
        wait_timeout=330,
        collation="utf8mb4_bin",
        time_zone="+01:00",
        sql_mode="ANSI_QUOTES,STRICT_TRANS_TABLES",
    )
    tracking = "@@session.session_track_state_change = 1"
    assert everything.assignments("transaction_isolation") == [
        "NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'",
        "@@session.autocommit = 1",
        "@@session.wait_timeout = 330",
        "@@session.transaction_isolation = 'READ-COMMITTED'",
        "@@session.time_zone = '+01:00'",
        "@@session.sql_mode = 'ANSI_QUOTES,STRICT_TRANS_TABLES'",
        tracking,
    ]
    assert SessionStart().assignments("x") == ["NAMES 'utf8mb4'", "@@session.autocommit = 0", tracking]
    assert SessionStart(sql_mode="").assignments("x")[-2] == "@@session.sql_mode = ''"
    for untracked in (SessionStart(resets=False), SessionStart(tracks=False)):
        assert untracked.assignments("x") == ["NAMES 'utf8mb4'", "@@session.autocommit = 0"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time_zone", "x', @@session.sql_mode='"),
        ("time_zone", ""),
        ("time_zone", "UTC\n"),
        ("sql_mode", "A'B"),
        ("sql_mode", "A\\"),
        ("sql_mode", "A;B"),
        ("collation", "latin1_bin"),
        ("collation", "utf8mb4_bin'"),
        ("collation", ""),
        ("collation", "utf8mb4_bin\n"),
    ],
)
def test_a_session_setting_that_could_hold_sql_is_refused(name, value):
    with pytest.raises(SettingsError, match=name):
        SessionStart(**{name: value})


SET_UP = b"\x03SET NAMES 'utf8mb4', @@session.autocommit = 0, @@session.session_track_state_change = 1"


def test_a_session_is_set_up_and_asked_in_one_flight(connect):
    connection, server = connect(autocommit=False)
    server.will_answer([ok(status=0)], result([column("@@a"), column("@@b", LONGLONG)], [row(b"x", b"5")], status=0))
    assert connection.session.set_up("@@a", "@@b") == ["x", 5]
    assert server.commands == [SET_UP, b"\x03SELECT @@a, @@b"]
    assert not connection.transaction.open
    assert connection.restore()
    assert len(server.commands) == 2


def test_what_is_refused_in_that_flight_is_asked_for_later(connect):
    connection, server = connect(autocommit=False)
    server.will_answer([ok(status=0)], [refusal(1193, "Unknown system variable", "HY000")])
    assert connection.session.set_up("@@nonsense") is None
    run(connection, server, 0, "DO 1")


def test_a_refused_set_up_is_raised(connect):
    connection, server = connect(autocommit=False)
    server.will_answer([refusal(1231, "Variable can't be set", "42000")], result([column("@@a")], [row(b"x")]))
    with pytest.raises(DatabaseError, match="can't be set"):
        connection.session.set_up("@@a")


def test_with_an_init_command_nothing_is_asked_in_the_flight(connect):
    connection, server = connect(autocommit=False, init_command="SET @a = 1")
    server.will_answer([ok(status=0)], [ok(status=0)])
    assert connection.session.set_up("@@a") is None
    assert server.commands == [SET_UP, b"\x03SET @a = 1"]


def test_a_reset_sets_the_session_up_again(connect):
    connection, server = connect(autocommit=False, init_command="SET @a = 1")
    run(connection, server, IN_TRANSACTION)
    server.commands.clear()
    server.will_answer([ok(status=AUTOCOMMIT)], [ok(status=0)], [ok(status=0)])
    connection.reset()
    assert server.commands == [RESET_CONNECTION, SET_UP, b"\x03SET @a = 1"]
    assert not connection.transaction.open


@pytest.mark.parametrize(
    "statement",
    ["SET @a = 1", "SELECT @a := 1", "SELECT GET_LOCK('a', 1)", "CREATE TEMPORARY TABLE t (a INT)", "CALL p()", "SET time_zone = '+00:00'"],
)
def test_what_a_statement_left_behind_is_reset(connect, statement):
    connection, server = connect(autocommit=False)
    run(connection, server, 0, statement)
    server.commands.clear()
    server.will_answer([ok(status=AUTOCOMMIT)], [ok(status=0)])
    assert connection.restore()
    assert server.commands == [RESET_CONNECTION, SET_UP]
    assert connection.restore()
    assert len(server.commands) == 2


@pytest.mark.parametrize(
    "statement", ["SELECT 1", "INSERT INTO t VALUES ('@a', 'GET_LOCK()')", "SELECT @@sql_mode", "COMMIT", "SHOW TABLES"]
)
def test_a_statement_that_leaves_nothing_behind_costs_no_round_trip(connect, statement):
    connection, server = connect(autocommit=False)
    run(connection, server, 0, statement)
    server.commands.clear()
    assert connection.restore()
    assert server.commands == []


def test_what_only_the_server_knows_of_is_reset_too(connect):
    """A stored function or a trigger sets a variable: the OK that follows tells, here that of a ROLLBACK."""
    connection, server = connect(autocommit=False)
    run(connection, server, IN_TRANSACTION, "SELECT f()")
    server.will_answer([ok(status=STATE_CHANGED)])
    connection.rollback()
    server.will_answer([ok(status=0)], [ok(status=0)])
    assert connection.restore()
    assert server.commands[-2:] == [RESET_CONNECTION, SET_UP]


@pytest.mark.parametrize("statement", ["USE other", "SET ROLE all", "DROP DATABASE app", "EXECUTE IMMEDIATE 'USE other'"])
def test_what_a_reset_does_not_take_away_asks_for_a_new_connection(connect, statement):
    connection, server = connect(autocommit=False)
    run(connection, server, 0, statement)
    server.commands.clear()
    assert not connection.restore()
    assert server.commands == []


def test_what_was_added_to_a_new_session_stays_and_is_not_reset_away(connect):
    """A listener to the pool's "connect" sets a variable, once in the life of a connection."""
    connection, server = connect(autocommit=False)
    run(connection, server, 0, "SET @tenant = 1")
    connection.keep_session()
    assert connection.restore()
    run(connection, server, 0, "SELECT 1")
    assert connection.restore()
    run(connection, server, 0, "SET @other = 1")
    assert not connection.restore()


def test_before_a_proxy_the_connection_is_replaced(connect):
    connection, server = connect(autocommit=False, tracks=False)
    run(connection, server, 0, "SET @a = 1")
    server.commands.clear()
    assert not connection.restore()
    assert server.commands == []


def test_a_long_statement_matters_before_a_proxy_only(connect):
    """It leaves nothing, but an RDS Proxy keeps a server's connection for its client from then on."""
    for tracks, size, kept in ((False, 16_001, False), (False, 16_000, True), (True, 16_001, True)):
        connection, server = connect(autocommit=False, tracks=tracks)
        run(connection, server, 0, "SELECT 1 -- ".ljust(size, "x"))
        server.commands.clear()
        assert connection.restore() == kept
        assert server.commands == []


def test_a_long_statement_of_a_listener_does_not_make_the_session_personal(connect):
    connection, server = connect(autocommit=False)
    run(connection, server, 0, "SELECT 1 -- ".ljust(16_001, "x"))
    connection.keep_session()
    run(connection, server, 0, "SET @a = 1")
    server.will_answer([ok(status=0)], [ok(status=0)])
    assert connection.restore()


def test_a_reset_brings_back_what_was_set_with_the_connections_own_attributes(connect):
    connection, server = connect(autocommit=False)
    server.will_answer([ok(status=AUTOCOMMIT)])
    connection.autocommit = True
    connection.keep_session()
    run(connection, server, AUTOCOMMIT, "SET @a = 1")
    server.will_answer([ok(status=0)], [ok(status=0)], [ok(status=AUTOCOMMIT)])
    assert connection.restore()
    assert connection.autocommit
    assert server.statements[-1] == b"SET @@session.autocommit = 1"


def test_variables_are_asked_for_and_leave_the_session_clean(connect):
    connection, server = connect(autocommit=False)
    server.will_answer(result([column("a"), column("b", LONGLONG)], [row(b"x", b"5")], status=0))
    assert connection.variables("@@a", "@@b") == ("x", 5)
    assert server.statements == [b"SELECT @@a, @@b"]
    assert not connection.transaction.open


def test_an_init_command_runs_once(connect):
    ours, theirs = socket.socketpair()
    server = FakeServer(theirs, [[ok()], numbers(1)])
    made = Connection(CommandPhase(PacketStream(ours, "db.test", 3306), 0), "app", "9.7.0", 1, SessionStart(init_command="SELECT f()"))
    made.session.set_up()
    assert server.statements[1:] == [b"SELECT f()"]
    assert not made.transaction.open
    made.close()
    server.close()


# -- checks and the end --------------------------------------------------------------------------------------------------------------


def test_a_connection_used_a_moment_ago_is_usable_without_a_round_trip(connect):
    connection, server = connect()
    assert connection.usable(5.0)
    assert server.commands == []


def test_an_idle_connection_is_asked(connect):
    connection, server = connect()
    connection._commands.last_used -= 60
    server.will_answer([ok()])
    assert connection.usable(5.0)
    assert server.commands == [PING]


def test_a_connection_is_asked_after_the_clock_went_back(connect):
    connection, server = connect()
    connection._commands.last_used += 3600
    server.will_answer([ok()])
    assert connection.usable(5.0)
    assert server.commands == [PING]


@pytest.mark.parametrize("answer", [close, [refusal(1053)], [b""]], ids=["closed", "refused", "unreadable"])
def test_an_idle_connection_that_does_not_answer_is_not_usable(connect, answer):
    connection, server = connect()
    connection._commands.last_used -= 60
    server.will_answer(answer)
    assert not connection.usable(5.0)


@pytest.mark.parametrize("what", ["end", "word"])
def test_a_connection_that_shows_its_end_is_not_usable(connect, what):
    connection, server = connect()
    if what == "end":
        server.close()
    else:
        server.send(packets([refusal(4031, "The client was disconnected")], first=0))
    assert not connection.usable(5.0)


def test_ping_never_reconnects(connect):
    connection, server = connect()
    server.will_answer([ok()], [ok()])
    connection.ping()
    assert connection.is_connected()
    with pytest.raises(NotSupportedError, match="does not reconnect"):
        connection.ping(reconnect=True)
    assert not connection.is_connected()
    assert not connection.is_connected()
    assert server.commands == [PING, PING, PING]


def test_a_closed_connection_has_said_quit_and_makes_no_cursor(connect):
    connection, server = connect()
    assert repr(connection) == "<rdspool connection app@db.test:3306 id=4711>"
    with connection as same:
        assert same is connection
    assert repr(connection) == "<rdspool connection app@db.test:3306 closed>"
    assert (connection.closed, connection.lost) == (True, False)
    connection.close()
    assert not connection.usable(5.0)
    assert server.wait() == [QUIT]
    with pytest.raises(OperationalError, match="MySQL Connection not available"):
        connection.cursor()


def test_a_connection_has_the_errors_of_pep_249(connect):
    connection, _ = connect()
    assert connection.IntegrityError is dbapi.IntegrityError
    assert issubclass(connection.OperationalError, connection.Error)
    assert connection.charset == "utf8mb4"
    assert connection.connection_id == 4711


@pytest.mark.parametrize("name", sorted(not_offered.CONNECTION))
def test_the_error_for_a_name_that_a_connection_lacks_says_what_to_use(connect, name):
    connection, _ = connect()
    with pytest.raises(AttributeError, match=f"no '{name}': [a-z]"):
        getattr(connection, name)


def test_an_unknown_name_is_no_attribute(connect):
    connection, _ = connect()
    assert not hasattr(connection, "nonsense")


ASKED = [column(name) for name in ("VERSION()", "DATABASE()", "@@transaction_isolation", "@@sql_mode", "@@lower_case_table_names")]
ANSWERED = row(b"9.7.0", b"app", b"SERIALIZABLE", b"ANSI", b"0")
QUESTION = b"SELECT VERSION(), DATABASE(), @@transaction_isolation, @@sql_mode, @@lower_case_table_names"


def test_questions_asked_together_answer_their_statements(connect):
    connection, server = connect()
    server.will_answer(result(ASKED, [ANSWERED]), [ok(5)])
    with asked_together(connection):
        cursor = connection.cursor()
        for statement, expected in (("SELECT VERSION()", "9.7.0"), ("SELECT @@tx_isolation", "SERIALIZABLE"), ("SELECT DATABASE()", "app")):
            cursor.execute(statement)
            assert (cursor.rowcount, len(cursor.description), cursor.fetchone(), cursor.fetchone()) == (1, 1, (expected,), None)
        cursor.execute("SELECT @@sql_mode")
        assert cursor.fetchall() == [("ANSI",)]
        assert cursor.fetchall() == []
        cursor.execute("SELECT @@sql_mode")
        assert cursor.fetchmany(1) == [("ANSI",)]
        cursor.execute("DO 1")
        assert (cursor.rowcount, cursor.description, cursor.statement) == (5, None, "DO 1")
        server.will_answer(numbers(1, 2, 3))
        cursor.execute("SELECT n")
        assert (cursor.fetchone(), cursor.fetchmany(1), cursor.fetchall()) == ((1,), [(2,)], [(3,)])
        cursor.close()
    assert server.statements == [QUESTION, b"DO 1", b"SELECT n"]
    assert type(connection.cursor()) is Cursor


def test_questions_that_were_answered_are_not_asked_again(connect):
    """With role="writer" each connect asks whether the server takes writes, and asks for all this with it."""
    connection, server = connect()
    server.will_answer(result([*ASKED, column("@@global.read_only")], [row(b"9.7.0", b"app", b"SERIALIZABLE", b"ANSI", b"0", b"1")]))
    connection.asked = ask(connection, "@@global.read_only")
    assert connection.asked["@@global.read_only"] == "1"
    with asked_together(connection):
        cursor = connection.cursor()
        cursor.execute("SELECT VERSION()")
        assert cursor.fetchall() == [("9.7.0",)]
    assert server.statements == [QUESTION + b", @@global.read_only"]


def test_questions_asked_together_are_answered_within_the_block_only(connect):
    connection, server = connect()
    server.will_answer(result(ASKED, [ANSWERED]))
    with pytest.raises(RuntimeError), asked_together(connection):
        raise RuntimeError
    assert type(connection.cursor()) is Cursor


# -- what a server never sends -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        [ok()],
        numbers(),
        result([column("a"), column("b")], []),
        result([column("a"), column("b")], [row(b"1", b"2"), row(b"3", b"4")]),
        numbers(1),
    ],
    ids=["no rows", "no row", "no row of two", "two rows", "one column"],
)
def test_variables_that_are_not_answered_close_the_connection(connect, answer):
    connection, server = connect()
    server.will_answer(answer)
    with pytest.raises(ProtocolError, match="@@a, @@b"):
        connection.variables("@@a", "@@b")
    assert connection.closed


def test_a_version_of_any_digits_is_read(connect):
    connection, _ = connect("9" * 5000)
    assert connection.isolation_variable == "transaction_isolation"
