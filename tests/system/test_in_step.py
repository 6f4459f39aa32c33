"""No answer is ever taken for another statement's, and nothing that a statement began is left behind."""

from __future__ import annotations

import signal

import pytest
from rdspool import SettingsError, dbapi, get_engine
from sqlalchemy import create_engine, exc, text
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session


@pytest.fixture(scope="module", autouse=True)
def procedures(server):
    server.execute(
        "CREATE TABLE IF NOT EXISTS app.steps (id INT PRIMARY KEY, v INT)",
        "CREATE TABLE IF NOT EXISTS app.old_steps (id INT PRIMARY KEY) ENGINE=MyISAM",
        "REPLACE INTO app.steps VALUES (1, 1)",
        "DROP PROCEDURE IF EXISTS app.one",
        "DROP PROCEDURE IF EXISTS app.three",
        "DROP PROCEDURE IF EXISTS app.fails_late",
        "DROP PROCEDURE IF EXISTS app.leaves_open",
        "CREATE PROCEDURE app.one() SELECT 100",
        "CREATE PROCEDURE app.three() BEGIN SELECT 100; SELECT 200, 'x' UNION SELECT 201, 'y'; SELECT 300; END",
        "CREATE PROCEDURE app.fails_late() BEGIN SELECT 100; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'late'; END",
        "CREATE PROCEDURE app.leaves_open() BEGIN START TRANSACTION; REPLACE INTO steps VALUES (2, 2); SIGNAL SQLSTATE '45000'; END",
    )


@pytest.mark.parametrize("call", ["CALL one()", "CALL three()", "SELECT 100; SELECT 200", "SELECT 100; SELECT 200; UPDATE steps SET v = 1"])
def test_unread_results_are_not_given_to_the_next_statement(target, call):
    engine = get_engine(**target, multi_statements=True)
    with engine.connect() as connection:
        assert connection.execute(text(call)).first() == (100,)
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
        with pytest.raises(exc.IntegrityError):
            connection.execute(text("INSERT INTO steps VALUES (1, 1)"))
        assert connection.execute(text("SELECT 2")).scalar_one() == 2
        connection.execute(text(call)).fetchall()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 3")).scalar_one() == 3
        connection.exec_driver_sql(call)
    with engine.begin() as connection:
        connection.execute(text("UPDATE steps SET v = 5 WHERE id = 1"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT v FROM steps WHERE id = 1")).scalar_one() == 5


@pytest.mark.parametrize("options", [{}, {"yield_per": 10}], ids=repr)
def test_the_work_of_a_procedure_that_fails_behind_its_first_result_is_not_committed(server, target, options):
    engine = get_engine(**target)
    with pytest.raises(exc.DatabaseError, match="late"), engine.begin() as connection:
        connection.execute(text("REPLACE INTO steps VALUES (4, 4)"))
        assert connection.execution_options(**options).execute(text("CALL fails_late()")).first() == (100,)
    assert server.execute("SELECT id FROM app.steps WHERE id = 4") == []
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_an_error_in_a_later_one_of_several_statements_is_raised(target):
    with get_engine(**target, multi_statements=True).connect() as connection, pytest.raises(exc.ProgrammingError, match="nosuch"):
        connection.exec_driver_sql("UPDATE steps SET v = 1; SELECT nosuch FROM steps")


def test_a_connections_own_cursor_reads_result_after_result(target):
    raw = get_engine(**target).raw_connection()
    cursor = raw.cursor()
    cursor.execute("CALL three()")
    found = [cursor.fetchall()]
    while cursor.nextset():
        if cursor.description:
            found.append(cursor.fetchall())
    assert found == [[(100,)], [(200, "x"), (201, "y")], [(300,)]]
    cursor.close()
    raw.close()


def test_a_transaction_that_a_failed_procedure_began_is_ended(server, target):
    engine = get_engine(**target, isolation_level="AUTOCOMMIT")
    with pytest.raises(exc.DBAPIError) as caught, engine.connect() as connection:
        connection.execute(text("CALL leaves_open()"))
    assert caught.value.orig.sqlstate == "45000"
    with engine.connect() as connection:
        assert not connection.connection.dbapi_connection.in_transaction
        connection.execute(text("REPLACE INTO steps VALUES (3, 3)"))
    assert server.execute("SELECT id FROM app.steps WHERE id IN (2, 3)") == [(3,)]


@pytest.mark.parametrize(
    "statement", ["SET TRANSACTION READ ONLY", "SET @a = 1, @@{name} = 1", "set @@{name} = on", "/*!40000 SET TRANSACTION READ ONLY */"]
)
def test_what_was_set_for_the_next_transaction_does_not_reach_the_next_user(server, target, statement):
    engine = get_engine(**target, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement.format(name="transaction_read_only" if server.kind == "mysql" else "tx_read_only")))
    with engine.connect() as connection:
        connection.execute(text("REPLACE INTO steps VALUES (4, 4)"))


def test_a_stream_leaves_no_lock(server, target):
    raw = get_engine(**target).raw_connection()
    cursor = raw.dbapi_connection.cursor(buffered=False)
    cursor.execute("SELECT id FROM old_steps WHERE id = %s", (1,))
    cursor.fetchall()
    cursor.close()
    raw.close()
    beside = server.connect(autocommit=True)
    with beside.cursor() as other:
        other.execute("SET SESSION lock_wait_timeout = 1")
        other.execute("ALTER TABLE app.old_steps COMMENT = 'x'")
    beside.close()


@pytest.mark.parametrize(
    "run", [lambda one, sql: one.execute(text(sql)), lambda one, sql: one.exec_driver_sql(sql)], ids=["text", "driver's SQL"]
)
def test_a_text_has_the_columns_that_its_table_has_now(server, target, run):
    """What is known of a statement's columns is kept from one execution to the next."""
    engine = get_engine(**target)
    for columns in ({"a": 1}, {"a": 1, "b": 2}, {"c": 1, "b": 2}, {"c": "1"}, {"a": 1}):
        server.execute(
            f"CREATE OR REPLACE VIEW app.changing AS SELECT {', '.join(f'{value!r} AS {name}' for name, value in columns.items())}"
        )
        for _ in range(3):
            with engine.connect() as connection:
                assert run(connection, "SELECT * FROM changing").mappings().all() == [columns]


class Interrupt(Exception):
    pass


# Python drops an exception that a signal's handler raises while a weak reference's callback runs.
@pytest.mark.filterwarnings("ignore:Exception ignored in.*_remove:pytest.PytestUnraisableExceptionWarning")
def test_an_interruption_at_any_moment_leaves_no_answer_behind(target):
    """A time limit in a function raises from a signal's handler, which can run between any two instructions."""

    def interrupt(*_):
        raise Interrupt

    connector = get_engine(**target).pool._creator
    connection = connector()
    before = signal.signal(signal.SIGALRM, interrupt)
    interrupted = replaced = 0
    try:
        for n in range(1500):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00001 + n * 0.0000005)
                for k in range(20):
                    cursor = connection.cursor()
                    cursor.execute("SELECT %s, 'x' UNION ALL SELECT 2, 'y'", (n * 100 + k,))
                    assert cursor.fetchall() == [(n * 100 + k, "x"), (2, "y")]
                    cursor.close()
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Interrupt:
                interrupted += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            try:
                connection.rollback()
                cursor = connection.cursor()
                cursor.execute("SELECT 42")
                assert cursor.fetchall() == [(42,)]
            except dbapi.OperationalError as error:
                assert error.errno == 2006, error  # noqa: PT017 - the ROLLBACK of a lost connection is no error, its next use is
                replaced += 1
                connection = connector()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        connection.close()
    assert interrupted > 100
    assert replaced > 10


@pytest.mark.parametrize("options", [{}, {"isolation_level": "AUTOCOMMIT"}, {"yield_per": 10}], ids=str)
def test_the_users_own_exception_is_the_one_to_see(target, options):
    """A time limit of the user's raises from a signal's handler while the driver waits for the answer."""

    def interrupt(*_):
        raise Interrupt

    engine = get_engine(**target)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(Interrupt), engine.connect().execution_options(**options) as connection:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            connection.execute(text("SELECT SLEEP(20)"))
        with pytest.raises(Interrupt), Session(engine) as session:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            session.execute(text("SELECT SLEEP(20)"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_lost_connection_does_not_come_back_from_any_pool(password_target):
    """This holds where no pool checks connections before their use, too."""
    url = URL.create("mysql+rdspool", query={name: str(value) for name, value in password_target.items() if name in ("ca", "region")})
    url = url.set(
        **{name: value for name, value in password_target.items() if name in ("host", "port", "password", "database")}, username="plain"
    )
    engine = create_engine(url)
    with pytest.raises(KeyboardInterrupt), engine.connect() as connection:
        dbapi_connection = connection.connection.dbapi_connection
        dbapi_connection._commands.abandon()
        raise KeyboardInterrupt
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_a_reset_brings_the_sessions_settings_back(password_target):
    connection = dbapi.connect(**password_target, wait_timeout=123, isolation_level="READ COMMITTED", autocommit=True)
    before = connection.variables("@@wait_timeout", f"@@session.{connection.isolation_variable}", "@@collation_connection", "@@autocommit")
    assert connection.reset() is None
    after = connection.variables("@@wait_timeout", f"@@session.{connection.isolation_variable}", "@@collation_connection", "@@autocommit")
    assert before == after
    assert before[:2] == (123, "READ-COMMITTED")
    connection.close()


@pytest.mark.parametrize("options", [{"dictionary": True}, {"buffered": False}, {"buffered": True}, {"dictionary": True, "buffered": True}])
def test_no_value_ends_its_quotes_whatever_the_sql_mode(target, options):
    raw = get_engine(**target).raw_connection()
    dbapi_connection = raw.dbapi_connection
    cursor = dbapi_connection.cursor(**options)
    value = "x\\' OR 1=1 -- "
    for mode in ("NO_BACKSLASH_ESCAPES", "", "NO_BACKSLASH_ESCAPES"):
        cursor.execute(f"SET SESSION sql_mode = '{mode}'")
        cursor.execute("SELECT %s AS v", (value,))
        (row,) = cursor.fetchall()
        assert (row["v"] if isinstance(row, dict) else row[0]) == value
    cursor.execute("SET SESSION sql_mode = DEFAULT")
    cursor.close()
    raw.close()


@pytest.mark.parametrize(
    "option", ["option_files", "compress", "ssl_disabled", "ssl_cert", "tls_versions", "auth_plugin", "unix_socket", "pool_recycle"]
)
def test_options_of_other_drivers_are_refused(password_target, option):
    with pytest.raises(SettingsError, match=option):
        dbapi.connect(**password_target, **{option: "1"})
    with pytest.raises(SettingsError, match="nonsense"):
        dbapi.connect(**password_target, nonsense=1)
    with pytest.raises(SettingsError, match="time_zone"):
        dbapi.connect(**password_target, time_zone="+00:00', @@session.sql_mode='")


def test_autocommit_by_url(front, password_target):
    query = {"ca": password_target["ca"], "isolation_level": "AUTOCOMMIT"}
    url = URL.create("mysql+rdspool", "plain", password_target["password"], front.host, front.port, "app", query)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.connection.dbapi_connection.autocommit
    engine.dispose()


def test_a_violated_check_is_an_integrity_error(server, target):
    server.execute("CREATE TABLE IF NOT EXISTS app.checked (v INT CHECK (v > 0))")
    with pytest.raises(exc.IntegrityError), get_engine(**target).connect() as connection:
        connection.execute(text("INSERT INTO checked VALUES (-1)"))


def test_a_connect_within_a_connect_says_what_to_do(target):
    engine = get_engine(**target, pool_timeout=0.1)
    with engine.connect(), pytest.raises(exc.TimeoutError, match=r"within another one.*pool_size=2"):
        engine.connect()
