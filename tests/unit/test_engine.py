"""The engine over a server of the tests' own: what each checkout, execution option and checkin sends, and which connections are kept."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from fake_database import Database
from fake_server import BINARY, LONGLONG, PING, QUIT, RESET_CONNECTION, close, column, ok, refusal, result, row
from rdspool import SettingsError, creator, engine, get_engine, reset
from rdspool._driver import resumption, tls
from rdspool._driver.connection import Connection
from rdspool.deadlines import deadline
from rdspool.dialect import MariaDBRdspoolDialect, RdspoolDialect
from rdspool.pool import IDLE_GAP
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, event, exc, literal, literal_column, select, text
from sqlalchemy.schema import CreateTable

PROBES = "SELECT VERSION(), DATABASE(), @@transaction_isolation, @@sql_mode, @@lower_case_table_names"


@pytest.fixture
def databases(server_tls):
    """A function that starts a server."""
    started = []

    def start(**options):
        started.append(Database(server_tls, **options))
        return started[-1]

    yield start
    for made in engine._engines.values():
        made[2].dispose()
    for one in started:
        one.close()


@pytest.fixture
def database(databases):
    return databases()


@pytest.fixture
def target(database, certificates):
    """The arguments of get_engine()."""
    return {"host": "127.0.0.1", "port": database.port, "user": "app", "password": "x", "database": "shop", "ca": str(certificates.ca)}


@pytest.fixture
def made(database, target):
    """A function that returns an engine whose first connection is made and back in the pool; what that has sent is forgotten."""

    def new(**options):
        found = get_engine(**{**target, **options})
        found.connect().close()
        database.forget()
        return found

    return new


def kept(found):
    """The driver's connection in the pool."""
    with found.connect() as connection:
        return connection.connection.dbapi_connection


# -- what is sent --------------------------------------------------------------------------------------------------------------------


def test_the_first_connect_asks_all_at_once(database, target):
    with get_engine(**target).connect() as connection:
        assert connection.execute(text("SELECT 7")).scalar() == "1"
        assert connection.dialect.server_version_info == (8, 4, 3)
        assert connection.dialect.default_schema_name == "shop"
        assert connection.default_isolation_level == "REPEATABLE READ"
    start, *others = database.statements()
    assert start.startswith("SET NAMES 'utf8mb4', @@session.autocommit = 0, @@session.wait_timeout = 330")
    assert others == [PROBES, "SELECT 7", "ROLLBACK"]


def test_on_an_old_server_the_isolation_level_is_asked_for_by_its_old_name(databases, certificates):
    old = databases(version="10.11.6-MariaDB")
    target = {"host": "127.0.0.1", "port": old.port, "user": "app", "password": "x", "ca": str(certificates.ca)}
    with get_engine(**target).connect() as connection:
        assert connection.default_isolation_level == "REPEATABLE READ"
        assert connection.dialect.is_mariadb
    assert [one for one in old.statements() if one.startswith("SELECT")] == [PROBES.replace("@@transaction_isolation", "@@tx_isolation")]


def test_a_checkout_without_a_statement_sends_nothing(database, made):
    made().connect().close()
    assert database.sessions == [[]]


def test_a_transaction_is_the_statement_and_its_end(database, made):
    with made().begin() as connection:
        connection.execute(text("UPDATE t SET a = 1"))
    assert database.statements() == ["UPDATE t SET a = 1", "COMMIT"]


def test_the_pools_proxy_makes_the_cursor(made):
    """So that whoever wraps it, to trace statements or to refuse them, sees each."""
    fault = TypeError("not a DBAPI error")
    with made().connect() as connection:
        connection.connection.cursor = Mock(return_value=Mock(execute=Mock(side_effect=fault)))
        with pytest.raises(TypeError, match=r"^not a DBAPI error$"):
            connection.exec_driver_sql("SELECT 7 + 1")


def test_with_autocommit_nothing_is_ended(database, made):
    with made(isolation_level="AUTOCOMMIT").begin() as connection:
        connection.execute(text("UPDATE t SET a = 1"))
    assert database.statements() == ["UPDATE t SET a = 1"]


# -- isolation levels ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engines", "back"),
    [
        (None, "SET @@session.transaction_isolation = 'REPEATABLE-READ'"),
        ("READ COMMITTED", "SET @@session.transaction_isolation = 'READ-COMMITTED'"),
    ],
)
def test_a_level_of_an_execution_option_ends_with_the_checkin(database, made, engines, back):
    found = made(isolation_level=engines)
    with found.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        connection.execute(text("SELECT 7"))
    assert database.statements() == ["SET @@session.transaction_isolation = 'SERIALIZABLE'", "SELECT 7", "ROLLBACK", back]
    database.forget()
    with found.connect() as connection:
        connection.execute(text("SELECT 8"))
    assert database.statements() == ["SELECT 8", "ROLLBACK"]


def test_autocommit_as_an_execution_option_ends_with_the_checkin(database, made):
    found = made(isolation_level="READ COMMITTED")
    with found.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("UPDATE t SET a = 1"))
    first, update, back, *_ = database.statements()
    assert (first, update) == ("SET @@session.autocommit = 1", "UPDATE t SET a = 1")
    assert back == "SET @@session.autocommit = 0, @@session.transaction_isolation = 'READ-COMMITTED'"
    assert not kept(found).autocommit


def test_an_engine_at_autocommit_comes_back_to_it_and_to_the_servers_level(database, made):
    found = made(isolation_level="AUTOCOMMIT")
    with found.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        connection.execute(text("SELECT 7"))
    *_, back = database.statements()
    assert back == "SET @@session.autocommit = 1, @@session.transaction_isolation = DEFAULT"
    database.forget()
    with found.connect() as connection:
        connection.execute(text("SELECT 8"))
    assert database.statements() == ["SELECT 8"]


def test_the_level_that_a_session_has_is_not_set_again(database, target):
    with get_engine(**target, isolation_level="READ COMMITTED").connect() as connection:
        connection.execute(text("SELECT 7"))
    assert [statement for statement in database.statements() if "isolation = " in statement] == [database.statements()[0]]
    assert "@@session.transaction_isolation = 'READ-COMMITTED'" in database.statements()[0]


def test_a_lost_connections_level_is_not_brought_back(database, made):
    found = made()
    database.answers["SELECT 7"] = close
    with pytest.raises(exc.OperationalError), found.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        connection.execute(text("SELECT 7"))
    assert len(database.sessions) == 1
    with found.connect() as connection:
        connection.execute(text("SELECT 8"))
    assert database.statements(1)[-2:] == ["SELECT 8", "ROLLBACK"]


# -- the state of a session ------------------------------------------------------------------------------------------------------------


def test_autocommit_that_a_statement_has_set_ends_with_the_checkin(database, made):
    found = made()
    with found.connect() as connection:
        connection.exec_driver_sql("SET @@session.autocommit = 1")
    (_, start) = database.statements()
    assert start.startswith("SET NAMES 'utf8mb4', @@session.autocommit = 0")
    assert RESET_CONNECTION in database.sessions[0]
    assert not kept(found).autocommit


def test_where_sessions_are_not_reset_autocommit_is_brought_back_all_the_same(database, made):
    found = made(reset_session=False)
    with found.connect() as connection:
        connection.exec_driver_sql("SET @@session.autocommit = 1")
        connection.exec_driver_sql("SET @a = 1")
    assert database.statements() == ["SET @@session.autocommit = 1", "SET @a = 1", "SET @@session.autocommit = 0"]
    assert RESET_CONNECTION not in database.sessions[0]


def test_autocommit_that_a_listener_sets_at_the_connect_stays(database, target):
    found = get_engine(**target)

    @event.listens_for(found, "connect")
    def connected(dbapi_connection, _):
        with dbapi_connection.cursor() as cursor:
            cursor.execute("SET @@session.autocommit = 1")

    for _ in range(2):
        with found.connect() as connection:
            connection.execute(text("UPDATE t SET a = 1"))
            assert connection.connection.dbapi_connection.autocommit
    assert not any("autocommit = 0" in statement for statement in database.statements()[1:])


def test_autocommit_of_the_first_use_is_no_state_to_keep(database, made):
    """Only what is so at the very first checkout is the session's own."""
    found = made()
    for _ in range(2):
        with found.connect() as connection:
            connection.exec_driver_sql("SET @@session.autocommit = 1")
        assert "@@session.autocommit = 0" in database.statements()[-1]
        database.forget()


def test_a_session_that_cant_be_brought_back_is_closed(database, made):
    found = made(reset_session=False)
    database.answers["SET @@session.autocommit = 0"] = [refusal(1205, "no", "HY000")]
    with found.connect() as connection:
        first = connection.connection.dbapi_connection
        connection.exec_driver_sql("SET @@session.autocommit = 1")
    assert first.closed
    assert database.last_command() == QUIT
    assert len(database.sessions) == 1
    assert kept(found) is not first


def test_a_connection_that_its_user_closed_is_not_kept(database, made):
    found = made()
    with found.connect() as connection:
        first = connection.connection.dbapi_connection
        first.close()
        connection.invalidate()
    assert kept(found) is not first


def test_a_connection_that_was_lost_comes_back_as_none(database, made):
    found = made()
    database.answers["SELECT 7"] = close
    with found.connect() as connection:
        lost = connection.connection.dbapi_connection
        with pytest.raises(exc.DBAPIError) as caught:
            connection.exec_driver_sql("SELECT 7")
    assert caught.value.connection_invalidated
    assert kept(found) is not lost


# -- checks at the checkout -------------------------------------------------------------------------------------------------------------


def test_a_connection_used_a_moment_ago_is_not_asked(database, made):
    found = made()
    first = kept(found)
    assert kept(found) is first
    assert PING not in database.sessions[0]


def test_an_idle_connection_is_asked_and_kept(database, made):
    found = made()
    first = kept(found)
    first._commands.last_used = time.time() - IDLE_GAP - 1
    assert kept(found) is first
    assert database.sessions[0].count(PING) == 1


def test_an_idle_connection_that_is_gone_is_replaced(database, made):
    found = made()
    first = kept(found)
    database.answers[""] = close
    first._commands.last_used = time.time() - IDLE_GAP - 1
    second = kept(found)
    assert second is not first
    assert first.closed
    assert len(database.sessions) == 2


def test_another_engine_asks_at_each_checkout_where_pre_ping_is_on(database, target, certificates):
    url = f"mysql+rdspool://app:x@127.0.0.1:{database.port}/shop?ca={certificates.ca}"
    found = create_engine(url, pool_pre_ping=True)
    for _ in range(3):
        found.connect().close()
    assert database.sessions[0].count(PING) == 2
    found.dispose()


def test_a_connection_older_than_recycle_is_replaced(database, made):
    found = made(pool_recycle=100)
    with found.connect() as connection:
        first = connection.connection.dbapi_connection
        connection.connection._connection_record.starttime -= 99
    assert kept(found) is first
    with found.connect() as connection:
        connection.connection._connection_record.starttime -= 2
    assert kept(found) is not first
    assert database.last_command() == QUIT


# -- the pool ----------------------------------------------------------------------------------------------------------------------------


def test_one_connection_and_what_waiting_for_a_second_says(made):
    found = made(pool_timeout=0.02)
    with (
        found.connect(),
        pytest.raises(exc.TimeoutError, match=r"\(pool_size=1\) are all in use, and none came back within 0\.02 s.*pool_size=2"),
    ):
        found.connect()
    found.connect().close()


def test_a_second_connection_where_it_is_asked_for(database, made):
    found = made(pool_size=2)
    with found.connect(), found.connect():
        assert len(database.sessions) == 2


def test_what_the_pool_is_by_default(made):
    found = made()
    assert (found.pool.size(), found.pool._max_overflow, found.pool._recycle) == (1, 0, 300)
    assert 1 < found.pool._timeout <= 2
    with deadline(100):
        assert 4 < found.pool._timeout <= 5
    with deadline(1):
        assert 0.7 < found.pool._timeout <= 0.75


def test_whoever_waits_gets_the_connection_that_comes_back(made):
    found = made(pool_timeout=10)
    got = []

    def take():
        with found.connect() as connection:
            got.append(connection.connection.dbapi_connection)

    with found.connect() as connection:
        first = connection.connection.dbapi_connection
        waiting = [threading.Thread(target=take) for _ in range(3)]
        for thread in waiting:
            thread.start()
        while found.pool._pool._waiting < len(waiting):
            time.sleep(0.001)
    for thread in waiting:
        thread.join(5)
    assert got == [first] * 3
    assert found.pool._pool._waiting == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interruption_of_the_look_at_a_connection_loses_no_place(made, monkeypatch, error):
    found = made(pool_timeout=0.02)
    first = kept(found)
    with monkeypatch.context() as interrupted:
        interrupted.setattr(type(first), "usable", lambda *_: (_ for _ in ()).throw(error))
        with pytest.raises(error):
            found.connect()
    assert first.closed
    assert kept(found) is not first


def test_an_interruption_of_the_clean_up_loses_no_place(made, monkeypatch):
    found = made(pool_timeout=0.02)
    with monkeypatch.context() as interrupted:
        interrupted.setattr(Connection, "restore", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt), found.connect():
            pass
    found.connect().close()


def test_a_connection_that_is_replaced_for_its_age_is_not_asked(database, made):
    found = made(pool_recycle=100)
    first = kept(found)
    first._commands.last_used = time.time() - IDLE_GAP - 1
    with found.connect() as connection:
        assert connection.connection.dbapi_connection is first
        connection.connection._connection_record.starttime -= 101
    first._commands.last_used = time.time() - IDLE_GAP - 1
    assert kept(found) is not first
    assert database.sessions[0].count(PING) == 1


def test_a_connection_beyond_the_pools_size_is_closed(made):
    found = made(pool_size=1, max_overflow=1)
    with found.connect() as one, found.connect() as two:
        both = [connection.connection.dbapi_connection for connection in (one, two)]
    assert sorted(connection.closed for connection in both) == [False, True]


def test_the_pool_of_a_new_generation_notes_connections_too(made):
    found = made()
    noted = []
    found.pool.notes = SimpleNamespace(taken=lambda *_: noted.append("taken"), given_back=lambda *_: noted.append("given back"))
    found.connect().close()
    found.dispose()
    found.connect().close()
    assert noted == ["taken", "given back"] * 2
    connection = found.raw_connection()
    connection.detach()
    assert noted[4:] == ["taken", "given back"]
    connection.close()


# -- get_engine ---------------------------------------------------------------------------------------------------------------------------


def test_one_engine_for_a_name(target):
    assert get_engine(**target) is get_engine(**target)
    assert get_engine(**target) is get_engine()
    named = get_engine("Reporting", **target)
    assert named is get_engine("reporting")
    assert named is not get_engine()


@pytest.mark.parametrize(
    ("other", "told"),
    [({"user": "other"}, "user"), ({"pool_recycle": 17}, "pool_recycle"), ({"echo": "debug"}, "echo"), ({"password": "other"}, "password")],
)
def test_another_setting_under_the_same_name_is_refused(target, other, told):
    first = get_engine(**target)
    with pytest.raises(SettingsError, match=f"the unnamed engine exists already with another {told}:"):
        get_engine(**{**target, **other})
    get_engine("reporting", **target)
    with pytest.raises(SettingsError, match=f"the engine 'reporting' exists already with another {told}:"):
        get_engine("reporting", **{**target, **other})
    assert get_engine() is first


def test_an_option_that_only_the_later_call_leaves_out_is_no_difference(target):
    first = get_engine(**target, pool_timeout=3)
    assert get_engine(**target) is first
    assert get_engine(**target, pool_timeout=3) is first
    assert 2 < first.pool._timeout <= 3


def test_an_argument_that_is_not_known_is_refused_for_an_engine_that_exists_too(target):
    get_engine(**target)
    with pytest.raises(SettingsError, match="no argument 'nonsense'"):
        get_engine(nonsense=1)


VARIABLES = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "ca": "CA"}


@pytest.fixture
def by_variables(target, monkeypatch):
    """Let the environment's variables say what `target` says, and return the function that sets one."""

    def change(name, value):
        monkeypatch.setenv(f"RDSPOOL_{name}", value)

    for key, name in VARIABLES.items():
        change(name, str(target[key]))
    return change


@pytest.mark.parametrize(("name", "told"), [("USER", "user"), ("PASSWORD", "password"), ("POOL_RECYCLE", "pool_recycle")])
def test_variables_that_have_changed_since_are_no_silent_matter(by_variables, name, told):
    first = get_engine()
    by_variables("REPORTING_HOST", "another.test")
    assert get_engine() is first
    by_variables(name, "17")
    with pytest.raises(SettingsError, match=rf"exists already with another {told}: .* call rdspool\.reset\(\)"):
        get_engine()


def test_a_variable_that_is_gone_is_a_change_too(by_variables, monkeypatch):
    get_engine()
    monkeypatch.delenv("RDSPOOL_USER")
    with pytest.raises(SettingsError, match=r"the variables have changed since: RDSPOOL_USER is not set.*Call rdspool\.reset\(\)"):
        get_engine()


def test_a_changed_variable_that_an_argument_goes_before_changes_nothing(target, by_variables):
    first = get_engine(**target)
    by_variables("USER", "other")
    assert get_engine() is get_engine(**target) is first


def test_in_lambda_a_call_without_arguments_does_not_read_the_variables_again(by_variables, monkeypatch):
    first = get_engine(shutdown=False)
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    monkeypatch.setattr(engine.Settings, "read", lambda *_, **__: pytest.fail("they are read"))
    assert get_engine() is first


def test_reset_closes_the_connections_and_takes_other_settings(database, target):
    first = get_engine(**target)
    ours = kept(first)
    creator._tokens["a"] = None
    reset()
    assert ours.closed
    assert engine._engines == creator._tokens == {}
    second = get_engine(**target, pool_recycle=17)
    assert second is not first
    assert second.pool._recycle == 17


def test_reset_leaves_a_connection_that_is_in_use_to_its_user(database, target):
    with get_engine(**target).connect() as connection:
        reset()
        connection.execute(text("SELECT 7"))
    assert "SELECT 7" in database.statements()


@pytest.mark.parametrize("name", ["", "1st", "a-b", "mysql://app@db.test/x", 7])
def test_a_name_that_no_variable_can_have(target, name):
    with pytest.raises(SettingsError, match="name"):
        get_engine(name, **target)


def test_connect_init_connects_before_the_first_use(database, target):
    found = get_engine(**target, connect="init")
    with found.connect() as connection:
        connection.execute(text("SELECT 7"))
    assert len(database.sessions) == 1
    assert "SELECT 7" in database.statements()
    assert not any(thread.name == "rdspool-connect" for thread in threading.enumerate())


def test_connect_use_begins_no_thread(database, target, monkeypatch):
    monkeypatch.setattr(creator.Creator, "begin", lambda _: pytest.fail("it was begun"))
    get_engine(**target)
    assert database.sessions == []


def test_a_child_of_a_fork_begins_anew_and_leaves_the_parents_connection_alone(database, made, certificates):
    found = made()
    ours = kept(found)
    context = tls.context((str(certificates.ca),))
    assert resumption.recall(context, f"127.0.0.1 at 127.0.0.1:{database.port}") is not None
    locks = engine._lock, creator._tokens_lock, tls._lock
    creator._tokens["a"] = None
    engine._forget_engines()
    assert engine._engines == {}
    assert creator._tokens == {}
    assert resumption.recall(context, f"127.0.0.1 at 127.0.0.1:{database.port}") is None
    assert not set(map(id, locks)) & {id(engine._lock), id(creator._tokens_lock), id(tls._lock)}
    assert found.pool.checkedin() == 0
    assert not ours.closed
    cursor = ours.cursor()
    cursor.execute("SELECT 7")
    assert cursor.fetchall() == [("1",)]
    ours.close()
    found.dispose()


def test_levels_of_the_engine_are_what_sqlalchemy_comes_back_to(made):
    found = made(isolation_level="read committed")
    assert found.dialect._on_connect_isolation_level == "READ COMMITTED"


def test_an_ok_among_answers_of_a_select_is_no_result(database, made):
    database.answers["DO 1"] = [ok(3, status=2)]
    with made().connect() as connection:
        assert connection.exec_driver_sql("DO 1").rowcount == 3


# -- through the dialect ---------------------------------------------------------------------------------------------------------------


def test_a_stream_reads_rows_as_they_are_fetched(database, made):
    rows = [row(b"%d" % number) for number in range(5)]
    database.answers["SELECT n FROM t"] = result([column("n", LONGLONG, charset=BINARY)], rows, status=0)
    with made().connect() as connection:
        streamed = connection.execution_options(yield_per=2).execute(text("SELECT n FROM t"))
        assert next(streamed) == (0,)
        with pytest.raises(exc.DBAPIError, match="still being read"):
            connection.execute(text("SELECT 8"))
        assert streamed.scalars().all() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("it's", "'it''s'"),
        ("back\\slash", "_utf8mb4 x'6261636b5c736c617368'"),
        ("it's \\ both", "_utf8mb4 x'69742773205c20626f7468'"),
        ("\\", "_utf8mb4 x'5c'"),
        ("100\\%", "'100\\%'"),
        ("a%b", "'a%b'"),
    ],
)
def test_a_literal_of_a_statement_reads_the_same_in_every_mode(value, written):
    assert (
        str(select(literal(value)).compile(dialect=RdspoolDialect(), compile_kwargs={"literal_binds": True}))
        == f"SELECT {written} AS anon_1"
    )


def test_a_literal_of_another_type_stays_as_it_is():
    compiled = select(literal_column("'a\\\\b'"), literal(7)).compile(dialect=RdspoolDialect(), compile_kwargs={"literal_binds": True})
    assert str(compiled) == "SELECT 'a\\\\b', 7 AS anon_1"


def test_a_comment_of_a_table_is_a_quoted_text():
    """DDL takes no other."""
    table = Table("t", MetaData(), Column("a", Integer, comment="back\\slash, it's"))
    written = str(CreateTable(table).compile(dialect=RdspoolDialect()))
    assert "COMMENT 'back\\\\slash, it''s'" in written


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("port=3307", "the URL has 'port' twice"),
        ("user=other", "the URL has 'user' twice"),
        ("sql_mode=A&sql_mode=B", "the option 'sql_mode' more than once"),
    ],
)
def test_a_url_that_says_one_thing_twice(database, query, message):
    with pytest.raises(SettingsError, match=message):
        create_engine(f"mysql+rdspool://app:x@127.0.0.1:{database.port}/shop?{query}")
    assert database.sessions == []


def test_options_of_a_url_reach_the_session(database, certificates):
    url = (
        f"mysql+rdspool://app:x@127.0.0.1:{database.port}/shop?ca={certificates.ca}&sql_mode=ANSI_QUOTES&autocommit=true&reset_session=true"
    )
    found = create_engine(url)
    found.connect().close()
    assert (
        database.statements()[0]
        == "SET NAMES 'utf8mb4', @@session.autocommit = 1, @@session.sql_mode = 'ANSI_QUOTES', @@session.session_track_state_change = 1"
    )
    found.dispose()


def test_which_errors_cost_the_connection(made):
    found = made()
    dialect, connection = found.dialect, kept(found)
    plain = dialect.loaded_dbapi.ProgrammingError("x", errno=1064)
    assert not dialect.is_disconnect(plain, connection, None)
    assert dialect.is_disconnect(dialect.loaded_dbapi.OperationalError("x", errno=2013), connection, None)
    connection.close()
    assert dialect.is_disconnect(plain, connection, None)
    assert not dialect.is_disconnect(ValueError("x"), connection, None)
    assert not dialect.is_disconnect(plain, None, None)


def test_the_dialects_are_what_sqlalchemy_asks_for():
    for kind in (RdspoolDialect, MariaDBRdspoolDialect):
        assert (kind.driver, kind.supports_server_side_cursors, kind.supports_statement_cache) == ("rdspool", True, True)
        assert "supports_statement_cache" in vars(kind), "SQLAlchemy looks at the class itself"
    assert MariaDBRdspoolDialect.name == "mariadb"


def test_a_fork_leaves_the_engines_to_the_parent():
    program = """
import os
from rdspool import engine
from types import SimpleNamespace
closed = []
engine._engines[None] = (None, {}, SimpleNamespace(dispose=lambda close: closed.append(close)))
if os.fork() == 0:
    print(engine._engines, closed, flush=True)
    os._exit(0)
os.wait()
print(len(engine._engines), closed)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "{} [False]\n1 []\n"


def test_a_connection_that_was_closed_in_the_pool_is_replaced_without_a_look_too(database, certificates):
    found = create_engine(f"mysql+rdspool://app:x@127.0.0.1:{database.port}/shop?ca={certificates.ca}")
    first = kept(found)
    first.close()
    second = kept(found)
    assert second is not first
    assert not second.closed
    found.dispose()


def test_where_the_time_is_over_the_pool_says_so_at_once(made):
    found = made()
    with found.connect(), deadline(0.01):
        time.sleep(0.02)
        with pytest.raises(exc.TimeoutError, match="are all in use"):
            found.connect()
