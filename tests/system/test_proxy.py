"""rdspool behind RDS Proxy: a stand-in with AWS's published rules, which shares server connections between its clients."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from rdspool import ConnectTimeoutError, DeadlineError, ProxyTimeoutError, deadline, get_engine, pool, run
from rdspool._aws.endpoints import is_proxy
from sqlalchemy import URL, Column, Integer, MetaData, String, Table, create_engine, event, exc, inspect, text

from local.front import Close, Command, FrontError, Proxy
from local.front.names import resolved
from tests.waiting import wait_until

HOST = "app.proxy-c1abcdefghij.eu-central-1.rds.amazonaws.com"


@pytest.fixture
def proxy_of(server, module_fronts, function_environment):
    """A function that returns a proxy with this number of server connections, and the arguments of get_engine() for it."""

    def of(connections, borrow_timeout=120.0):
        front = module_fronts(server, host=HOST, proxy=Proxy(connections, borrow_timeout))
        # The end of the connections of the test before reaches the front a moment later.
        wait_until(lambda: not front.totals()["open"], "no connection is open")
        front.reset()
        return front, {"host": HOST, "port": front.port, "user": "app", "database": "app", "ca": str(front.ca_file)}

    assert is_proxy(HOST)
    with resolved(HOST):
        yield of


@pytest.fixture
def proxy(proxy_of):
    return proxy_of(10)


def use_fully(engine):
    """Do what rdspool and SQLAlchemy do by themselves: first connect, checkouts, transactions, isolation levels, reflection, streams."""
    items = Table("proxied", MetaData(), Column("id", Integer, primary_key=True), Column("name", String(20)))
    items.drop(engine, checkfirst=True)
    items.create(engine)
    with engine.begin() as connection:
        connection.execute(items.insert(), [{"id": number, "name": f"it's {number} \\"} for number in range(1, 21)])
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        with connection.begin_nested():
            connection.execute(items.delete().where(items.c.id == 1))
        connection.rollback()
    with pytest.raises(exc.ProgrammingError), engine.begin() as connection:
        connection.execute(text("SELECT * FROM missing"))
    for level in ("SERIALIZABLE", "AUTOCOMMIT", "READ COMMITTED"):
        with engine.connect().execution_options(isolation_level=level) as connection:
            assert connection.execute(text("SELECT COUNT(*) FROM proxied")).scalar_one() == 20
    with engine.connect() as connection:
        assert len(list(connection.execution_options(yield_per=3).execute(items.select()))) == 20
    assert [column["name"] for column in inspect(engine).get_columns("proxied")] == ["id", "name"]
    items.drop(engine)


@pytest.mark.parametrize(
    "options",
    [{}, {"isolation_level": "READ COMMITTED"}, {"isolation_level": "AUTOCOMMIT"}, {"role": "writer"}, {"connect": "init"}],
    ids=repr,
)
def test_nothing_of_rdspools_own_pins(proxy, monkeypatch, options):
    front, target = proxy
    engine = get_engine(**target, **options)
    use_fully(engine)
    monkeypatch.setattr(pool, "IDLE_GAP", 0)  # every connection counts as idle, and is asked with a ping
    use_fully(engine)
    assert [connection.pinned for connection in front.connections()] == [""]
    assert "PING" in front.connection().commands


def test_the_options_of_a_url_do_not_pin(proxy):
    front, target = proxy
    options = {"ca": target["ca"], "wait_timeout": "60", "sql_mode": "ANSI", "time_zone": "+00:00", "collation": "utf8mb4_bin"}
    url = URL.create("mysql+rdspool", target["user"], None, HOST, target["port"], target["database"], options)
    engine = create_engine(url, isolation_level="SERIALIZABLE", pool_pre_ping=True)
    for _ in range(2):
        with engine.connect() as connection:
            assert connection.execute(text("SELECT @@time_zone, @@collation_connection")).one() == ("+00:00", "utf8mb4_bin")
    engine.dispose()
    assert [connection.pinned for connection in front.connections()] == [""]


LEAVES = {
    "SET @a = 1": "user variable",
    "SELECT 1 INTO @a": "user variable",
    "SELECT GET_LOCK('proxied', 1)": "GET_LOCK",
    "CREATE TEMPORARY TABLE left_behind (id INT)": "temporary table",
    "LOCK TABLES kept READ": "LOCK TABLES",
    "HANDLER kept OPEN": "HANDLER",
    "PREPARE one FROM 'SELECT 1'": "prepared statement",
    "SET group_concat_max_len = 9": "SET GROUP_CONCAT_MAX_LEN",
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE": "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    f"SELECT '{'x' * 17_000}'": "statement over 16 KB",
}


@pytest.mark.parametrize("statement", LEAVES, ids=lambda statement: statement[:30])
def test_a_connection_that_a_statement_has_pinned_is_replaced_at_its_return(proxy, server, statement):
    """Pinned, it would keep a server connection from all others for as long as the environment lives."""
    front, target = proxy
    server.execute("CREATE TABLE IF NOT EXISTS app.kept (id INT)")
    engine = get_engine(**target)
    with engine.connect() as connection:
        connection.execute(text(statement))
    pinned = front.connection()
    assert pinned.pinned == LEAVES[statement]
    front.wait_closed(pinned)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    assert front.connection().id != pinned.id
    assert front.connection().pinned == ""


def test_a_tracked_change_does_not_pin_and_does_not_stay(proxy):
    front, target = proxy
    engine = get_engine(**target)
    with engine.connect() as connection:
        before = connection.execute(text("SELECT @@time_zone")).scalar_one()
        connection.execute(text("SET time_zone = '+05:00'"))
        connection.commit()
        assert connection.execute(text("SELECT @@time_zone")).scalar_one() == "+05:00"
    with engine.connect() as connection:
        assert connection.execute(text("SELECT @@time_zone")).scalar_one() == before
    assert {connection.pinned for connection in front.connections()} == {""}


def test_clients_that_share_one_server_connection_each_find_their_own_session(proxy_of, server):
    """The proxy sets again what it tracks, so a client does not see that it has got another session."""
    front, target = proxy_of(1)
    variable = "tx_isolation" if server.kind == "mariadb" else "transaction_isolation"
    engines = {
        level: get_engine(level.replace(" ", "").lower(), **target, isolation_level=level, wait_timeout=wait_timeout)
        for level, wait_timeout in (("READ COMMITTED", 400), ("SERIALIZABLE", 500), ("AUTOCOMMIT", 600))
    }
    expected = {
        "READ COMMITTED": ("READ-COMMITTED", 0, 400, "utf8mb4", "app"),
        "SERIALIZABLE": ("SERIALIZABLE", 0, 500, "utf8mb4", "app"),
        "AUTOCOMMIT": ("REPEATABLE-READ", 1, 600, "utf8mb4", "app"),
    }
    statement = text(f"SELECT @@{variable}, @@autocommit, @@wait_timeout, @@character_set_client, DATABASE()")
    for _ in range(3):
        for level, engine in engines.items():
            with engine.begin() as connection:
                assert tuple(connection.execute(statement).one()) == expected[level]
    assert len(front.connections()) == 3
    assert front.proxy() == {"open": 1, "idle": 1, "most": 1, "waiting": 0}
    assert {connection.pinned for connection in front.connections()} == {""}


def test_a_transaction_keeps_its_server_connection_to_its_end(proxy_of):
    front, target = proxy_of(2)
    with get_engine(**target).connect() as first, get_engine("other", **target).connect() as second:
        ask = text("SELECT CONNECTION_ID() FROM information_schema.character_sets LIMIT 1")
        for connection in (first, second):
            connection.execute(text("DROP TABLE IF EXISTS counted"))
            connection.execute(text("CREATE TABLE counted (id INT)"))
            connection.commit()
        first.execute(text("INSERT INTO counted VALUES (1)"))
        ids = {first.execute(ask).scalar_one() for _ in range(3)}
        second.execute(text("INSERT INTO counted VALUES (2)"))
        others = {second.execute(ask).scalar_one() for _ in range(3)}
        assert len(ids) == len(others) == 1
        assert ids != others
        assert front.proxy()["idle"] == 0
        first.rollback()
        second.commit()
        assert front.proxy()["idle"] == 2
        assert first.execute(text("SELECT id FROM counted")).scalars().all() == [2]


def test_a_procedure_that_fails_in_a_transaction_leaves_it_to_nobody(proxy_of, server):
    """The error does not say that a transaction is open. The next client on the server connection must not be in it."""
    front, target = proxy_of(1)
    server.execute(
        "DROP TABLE IF EXISTS app.halves",
        "CREATE TABLE app.halves (id INT)",
        "DROP PROCEDURE IF EXISTS app.halfway",
        "CREATE PROCEDURE app.halfway() BEGIN START TRANSACTION; INSERT INTO halves VALUES (1); SIGNAL SQLSTATE '45000'; END",
    )
    with pytest.raises(exc.DBAPIError), get_engine(**target, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("CALL halfway()"))
    with get_engine("other", **target).begin() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM halves")).scalar_one() == 0
    assert server.execute("SELECT COUNT(*) FROM app.halves") == [(0,)]
    assert front.proxy()["most"] == 1


def test_a_hundred_environments_share_ten_server_connections(proxy_of, server):
    """Each with its own engine, sign-in and connection, which stays open to the end."""
    front, target = proxy_of(10)
    server.execute("DROP TABLE IF EXISTS app.visits", "CREATE TABLE app.visits (environment INT)")
    together = threading.Barrier(100)

    def environment(number):
        engine = get_engine(f"environment{number}", **target, connect_timeout=60)
        for _ in range(5):
            with engine.begin() as connection:
                connection.execute(text("INSERT INTO visits VALUES (:number)"), {"number": number})
                found = connection.execute(text("SELECT DISTINCT environment FROM visits WHERE environment = :number"), {"number": number})
                assert found.scalar_one() == number
        together.wait()

    with ThreadPoolExecutor(100) as threads:
        for done in [threads.submit(environment, number) for number in range(100)]:
            done.result()
    assert server.execute("SELECT COUNT(*), COUNT(DISTINCT environment) FROM app.visits") == [(500, 100)]
    connections = front.connections()
    assert len(connections) == 100
    assert all(connection.open and connection.sign_in == "iam" and connection.pinned == "" for connection in connections)
    assert front.proxy()["most"] <= 10


def test_no_statement_is_ended_by_the_id_of_a_session(proxy_of, server):
    """The ids that a proxy gives out are its own: on the server, the same number is another client's session."""
    front, target = proxy_of(3)
    kills = "SHOW GLOBAL STATUS LIKE 'Com_kill'"
    before = server.execute(kills)
    engine = get_engine(**target)
    with engine.connect() as connection, pytest.raises(exc.DBAPIError) as caught, deadline(1):
        connection.execute(text("SELECT SLEEP(30)"))
    assert isinstance(caught.value.orig, DeadlineError)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    assert server.execute(kills) == before
    assert not [command for one in front.connections() for command in one.commands if "KILL" in command]


def test_what_the_stand_in_can_not_do_is_said(proxy_of, server, fronts):
    front, _ = proxy_of(1)
    with pytest.raises(FrontError, match="no faults of commands"):
        front.fault(when=Command(), do=Close())
    with pytest.raises(LookupError, match="no proxy"):
        fronts(server).proxy()
    with pytest.raises(LookupError, match="no proxy"):
        fronts(server).lead_to(server)


def test_the_end_of_idle_server_connections_is_not_seen(proxy_of, server):
    front, target = proxy_of(1)
    engine = get_engine(**target)
    with engine.connect() as connection:
        server_id = connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
    server.execute(f"KILL {server_id}")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT CONNECTION_ID()")).scalar_one() != server_id
    assert len(front.connections()) == 1
    assert front.connection().server_connections[0] == server_id


def test_the_end_of_a_server_connection_in_a_transaction(proxy_of, server):
    """The client is disconnected with it, nothing of the transaction stays, and the next use connects again."""
    front, target = proxy_of(1)
    server.execute("DROP TABLE IF EXISTS app.halves", "CREATE TABLE app.halves (id INT)")
    engine = get_engine(**target)
    with pytest.raises(exc.DBAPIError) as caught, engine.begin() as connection:
        connection.execute(text("INSERT INTO halves VALUES (1)"))
        server.execute(f"KILL {connection.execute(text('SELECT CONNECTION_ID()')).scalar_one()}")
        connection.execute(text("INSERT INTO halves VALUES (2)"))
    assert caught.value.connection_invalidated
    with engine.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM halves")).scalar_one() == 0
    assert len(front.connections()) == 2


def test_a_connect_does_not_wait_for_a_server_connection_longer_than_its_own_time(proxy_of):
    """A proxy lets a client wait for 120 s by default."""
    front, target = proxy_of(1)
    other = get_engine("other", **target, connect_timeout=0.5)
    with get_engine(**target).begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS counted (id INT)"))
        connection.execute(text("INSERT INTO counted VALUES (1)"))
        with pytest.raises(exc.DBAPIError) as caught, other.connect():
            pass
        assert isinstance(caught.value.orig, ConnectTimeoutError)
    wait_until(lambda: front.proxy()["idle"] == front.proxy()["open"], "the proxy has no client that waits")
    with other.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


@pytest.fixture
def impatient(proxy_of, server):
    """A proxy with one server connection, for which a client waits a moment only."""
    front, target = proxy_of(1, borrow_timeout=0.2)
    server.execute("DROP TABLE IF EXISTS app.halves", "CREATE TABLE app.halves (id INT)")
    yield front, target
    front.lead_to(server)


@contextmanager
def all_in_use(target):
    with get_engine("holder", **target).begin() as connection:
        connection.execute(text("INSERT INTO halves VALUES (0)"))
        yield


def test_a_connect_while_all_server_connections_are_in_use(impatient):
    front, target = impatient
    engine = get_engine(**target, connect_timeout=2)
    with all_in_use(target):
        with pytest.raises(exc.OperationalError) as caught, engine.connect():
            pass
        assert isinstance(caught.value.orig, ProxyTimeoutError)
        assert caught.value.orig.errno == 9501
        assert re.search(f"no connection through {HOST}.*: Timed-out waiting .*It was tried", str(caught.value.orig))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    # The connect was tried again, as long as its time allowed.
    assert sum(one.sign_in == "refused" for one in front.connections()) > 1


@pytest.mark.parametrize("level", ["READ COMMITTED", "AUTOCOMMIT"])
def test_a_statement_while_all_server_connections_are_in_use(impatient, server, level):
    front, target = impatient
    engine = get_engine(**target, isolation_level=level)
    with engine.connect():
        pass
    refused = front.connection()
    with all_in_use(target), pytest.raises(exc.OperationalError) as caught, engine.begin() as connection:
        connection.execute(text("INSERT INTO halves VALUES (1)"))
    assert isinstance(caught.value.orig, ProxyTimeoutError)
    assert "nothing was run" in caught.value.orig.msg
    # A ROLLBACK would have waited as long again.
    assert caught.value.connection_invalidated
    assert front.wait_closed(refused).commands[-2:] == ["QUERY INSERT INTO halves VALUES (1)", "QUIT"]
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO halves VALUES (2)"))
    assert sorted(server.execute("SELECT id FROM app.halves")) == [(0,), (2,)]


def test_a_unit_of_work_is_run_again_after_the_proxy_had_no_server(impatient, server):
    front, target = impatient
    engine = get_engine(**target)
    with engine.connect():
        pass
    seen = []

    @event.listens_for(engine, "handle_error")
    def notice(context):
        seen.append(type(context.original_exception))
        front.lead_to(server)

    def work(connection):
        if not seen:
            front.lead_to(None)
        connection.execute(text("INSERT INTO halves VALUES (1)"))

    run(engine, work)
    assert seen == [ProxyTimeoutError]
    assert server.execute("SELECT id FROM app.halves") == [(1,)]


def test_a_server_that_can_not_be_reached_is_waited_for(proxy_of, server):
    """As while it restarts: the proxy keeps the clients, and what they ask for waits."""
    front, target = proxy_of(2)
    engine = get_engine(**target)
    with engine.connect():
        pass
    nobody = SimpleNamespace(host="127.0.0.1", port=1, socket=None)
    front.lead_to(nobody)
    with engine.connect() as connection, ThreadPoolExecutor(1) as threads:
        asked = threads.submit(connection.execute, text("SELECT 1"))
        front.wait(lambda front: front.proxy()["waiting"] == 1)
        front.lead_to(server)
        assert asked.result().scalar_one() == 1
    assert len(front.connections()) == 1
