"""A writer, a reader and failovers between them: two real servers with replication, and names that move from one to the other."""

from __future__ import annotations

import itertools
import json
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from layers import HERE
from rdspool import ConnectError, ConnectTimeoutError, OutcomeUnknownError, ReadOnlyServerError, get_engine, pool, run
from rdspool.__main__ import main
from rdspool._aws import stored
from sqlalchemy import exc, text

import local.cluster
import local.front
import local.server
from local.endpoint import CA, run_file
from local.environment import Environment
from local.front import Command, LoseAnswer, Proxy
from tests.waiting import wait_until

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "reader"
ALIAS = "reader.internal.example"
USER = "app"
PASSWORD = secrets.token_urlsafe(12)
INSERT = text("INSERT INTO entry (unit) VALUES (:unit)")


def prepare(server):
    server.database("app")
    server.create_user(USER, PASSWORD, database="app")
    server.execute("CREATE TABLE app.entry (id INT AUTO_INCREMENT PRIMARY KEY, unit VARCHAR(40))")


@pytest.fixture(scope="module")
def running(credentials):
    with local.cluster.start(users={USER: PASSWORD}, credentials=credentials, proxy=Proxy(connections=5)) as cluster:
        prepare(cluster.writer.server)
        cluster.wait_for_reader()
        yield cluster


@pytest.fixture
def cluster(running, function_environment, monkeypatch):
    """The cluster with an empty table, in a function's environment with settings for the unnamed engine and for the engine "reader"."""
    running.move_names()
    running.writer.server.execute("TRUNCATE TABLE app.entry")
    running.wait_for_reader()
    for prefix, host in (("RDSPOOL", running.host), ("RDSPOOL_READER", running.reader_host)):
        for name, value in {"HOST": host, "PORT": str(running.port), "USER": USER, "DATABASE": "app"}.items():
            monkeypatch.setenv(f"{prefix}_{name}", value)
    monkeypatch.setenv("RDSPOOL_CA", str(running.writer.front.ca_file))
    with running.resolved():
        yield running


@pytest.fixture
def proxy(cluster, monkeypatch):
    """The proxy before the writer, which the settings of the unnamed engine lead to."""
    proxy = cluster.proxy
    wait_until(lambda: not proxy.totals()["open"], "no connection is open")
    proxy.reset()
    monkeypatch.setenv("RDSPOOL_HOST", proxy.host)
    monkeypatch.setenv("RDSPOOL_PORT", str(proxy.port))
    return proxy


def write(engine, unit):
    """Write a row in a transaction of its own, and return the id of the server that took it."""
    with engine.begin() as connection:
        connection.execute(INSERT, {"unit": unit})
        return connection.execute(text("SELECT @@server_id")).scalar_one()


def read(engine):
    with engine.connect() as connection:
        return sorted(connection.execute(text("SELECT unit FROM entry")).scalars())


def server_id(member):
    return member.server.execute("SELECT @@server_id")[0][0]


def units(member):
    return sorted(unit for (unit,) in member.server.execute("SELECT unit FROM app.entry"))


def test_a_reader_beside_the_writer(cluster):
    writer, reader = get_engine(), get_engine("reader")
    assert write(writer, "one") == server_id(cluster.writer)
    cluster.wait_for_reader()
    with reader.connect() as connection:
        assert connection.execute(text("SELECT @@server_id")).scalar_one() == server_id(cluster.reader)
    assert read(reader) == ["one"]
    with pytest.raises(exc.DBAPIError) as caught:
        write(reader, "two")
    assert caught.value.orig.errno == 1290
    assert read(reader) == read(writer) == ["one"]


@pytest.mark.parametrize("role", [None, "writer"])
def test_a_failover_that_cuts_the_connections(cluster, role):
    """The next use finds the closed socket, asks for the name again, and no error reaches the function."""
    writer, reader = get_engine(role=role), get_engine("reader")
    old = write(writer, "before")
    read(reader)
    cluster.failover(cut=True)
    assert write(writer, "after") == server_id(cluster.writer) != old
    cluster.wait_for_reader()
    assert read(reader) == ["after", "before"]
    assert units(cluster.writer) == units(cluster.reader) == ["after", "before"]


@pytest.mark.parametrize("role", [None, "writer"])
def test_a_failover_that_leaves_the_connections_open(cluster, role):
    """The old writer, now a reader, refuses the write: nothing is written, and the next write lands on the new writer."""
    engine = get_engine(role=role)
    old = write(engine, "before")
    cluster.failover(cut=False)
    with pytest.raises(exc.DBAPIError) as caught:
        write(engine, "refused")
    assert caught.value.orig.errno == 1290
    assert caught.value.connection_invalidated
    assert write(engine, "after") == server_id(cluster.writer) != old
    cluster.wait_for_reader()
    assert units(cluster.writer) == units(cluster.reader) == ["after", "before"]


def test_a_reader_that_becomes_the_writer_goes_on_reading(cluster):
    reader = get_engine("reader")
    read(reader)
    cluster.failover(cut=False)
    write(get_engine(), "one")
    assert read(reader) == ["one"]


@pytest.mark.parametrize("cut", [True, False])
def test_a_commit_after_the_failover_writes_nothing(cluster, cut):
    engine = get_engine()
    with pytest.raises(exc.DBAPIError) as caught, engine.begin() as connection:
        connection.execute(INSERT, {"unit": "lost"})
        cluster.failover(cut=cut)
    # The outcome is known: the COMMIT was not sent on the connection that was cut, and was refused on the one that was left open.
    assert not isinstance(caught.value.orig, OutcomeUnknownError)
    assert caught.value.orig.errno == (2013 if cut else 1290)
    write(engine, "after")
    cluster.wait_for_reader()
    assert units(cluster.writer) == units(cluster.reader) == ["after"]


def test_a_unit_of_work_whose_commit_lost_its_answer_is_not_run_again(cluster):
    """It was committed, and is on the new writer: once."""
    engine = get_engine()
    cluster.writer.front.fault(when=Command("COMMIT"), do=LoseAnswer())
    with pytest.raises(exc.OperationalError) as caught:
        run(engine, lambda connection: connection.execute(INSERT, {"unit": "one"}))
    assert isinstance(caught.value.orig, OutcomeUnknownError)
    cluster.failover(cut=True)
    write(engine, "after")
    assert units(cluster.writer) == ["after", "one"]


def is_run_again_on_the_new_writer(cluster, *, cut):
    """Run a unit of work in whose middle a failover happens, and assert that it was run whole there, and nothing twice."""
    engine = get_engine()
    runs = []

    def work(connection):
        connection.execute(INSERT, {"unit": "first half"})
        runs.append(connection.execute(text("SELECT @@server_id")).scalar_one())
        if len(runs) == 1:
            cluster.failover(cut=cut)
        connection.execute(INSERT, {"unit": "second half"})

    run(engine, work)
    assert len(runs) == 2
    assert runs[1] == server_id(cluster.writer) != runs[0]
    cluster.wait_for_reader()
    assert units(cluster.writer) == units(cluster.reader) == ["first half", "second half"]


@pytest.mark.parametrize("cut", [True, False])
def test_a_unit_of_work_is_run_again_on_the_new_writer(cluster, cut):
    is_run_again_on_the_new_writer(cluster, cut=cut)


def test_a_writer_is_waited_for_until_the_name_moves(cluster):
    engine = get_engine(role="writer", connect_timeout=20)
    old = write(engine, "before")
    cluster.failover(cut=True, names=False)
    timer = threading.Timer(0.5, cluster.move_names)
    timer.start()
    try:
        assert write(engine, "after") == server_id(cluster.writer) != old
    finally:
        timer.join()
    # More than one attempt has reached the old writer, which the name still led to.
    assert units(cluster.writer) == ["after", "before"]


def test_a_writer_that_starts_again_is_waited_for(cluster):
    """In a failover, the servers refuse connections for some seconds."""
    engine = get_engine(role="writer", connect_timeout=20)
    write(engine, "before")
    fronts = [member.front for member in (cluster.writer, cluster.reader)]
    for front in fronts:
        front.stop_listening()
    cluster.failover(cut=True)
    timer = threading.Timer(0.5, lambda: [front.listen_again() for front in fronts])
    timer.start()
    try:
        assert write(engine, "after") == server_id(cluster.writer)
    finally:
        timer.join()
    assert units(cluster.writer) == ["after", "before"]


def test_a_writer_that_does_not_appear_within_the_connects_time(cluster):
    engine = get_engine(role="writer", connect_timeout=3)
    cluster.failover(cut=True, names=False)
    with pytest.raises(exc.OperationalError) as caught:
        write(engine, "refused")
    assert isinstance(caught.value.orig, ReadOnlyServerError)
    cluster.move_names()
    assert write(engine, "after") == server_id(cluster.writer)
    assert units(cluster.writer) == ["after"]


@pytest.fixture(scope="module")
def without_redo_log(running, credentials):
    """A front before a reader that can't write at all, as those of Aurora, at the cluster's port."""
    with (
        local.server.start("mysql", options=["--innodb-read-only"], prepare=prepare) as server,
        local.front.start(server, users={USER: PASSWORD}, credentials=credentials, address="127.0.0.3", port=running.port) as front,
    ):
        yield front


@pytest.mark.parametrize(
    ("statement", "number"), [("INSERT INTO entry (unit) VALUES ('refused')", 1015), ("CREATE TABLE refused (id INT)", 1836)]
)
def test_a_reader_without_a_redo_log_is_left(cluster, without_redo_log, statement, number):
    engine = get_engine()
    cluster.addresses[cluster.host] = without_redo_log.address
    read(engine)
    cluster.move_names()
    with pytest.raises(exc.DBAPIError) as caught, engine.begin() as connection:
        connection.execute(text(statement))
    assert caught.value.orig.errno == number
    assert caught.value.connection_invalidated
    assert write(engine, "after") == server_id(cluster.writer)
    assert units(cluster.writer) == ["after"]


def test_a_writer_is_not_looked_for_at_a_reader_without_a_redo_log(cluster, without_redo_log):
    engine = get_engine(role="writer", connect_timeout=3)
    cluster.addresses[cluster.host] = without_redo_log.address
    with pytest.raises(exc.OperationalError) as caught:
        read(engine)
    assert isinstance(caught.value.orig, ReadOnlyServerError)


# -- through an RDS Proxy ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [None, "writer"])
def test_a_connection_to_the_proxy_outlives_a_failover(cluster, proxy, role):
    """It leads to the new writer before the cluster's names do."""
    engine = get_engine(role=role)
    old = write(engine, "before")
    cluster.failover(cut=False, names=False)
    assert write(engine, "after") == server_id(cluster.writer) != old
    assert len(proxy.connections()) == 1
    assert proxy.connection().open
    assert proxy.proxy()["open"] == 1
    cluster.wait_for_reader()
    assert units(cluster.writer) == units(cluster.reader) == ["after", "before"]


def test_a_connection_that_has_been_idle_asks_the_new_writer(cluster, proxy, monkeypatch):
    monkeypatch.setattr(pool, "IDLE_GAP", 0.0)
    engine = get_engine()
    write(engine, "before")
    cluster.failover(cut=True)
    assert write(engine, "after") == server_id(cluster.writer)
    assert "PING" in proxy.connection().commands
    assert len(proxy.connections()) == 1


def test_a_transaction_through_the_proxy_is_lost_whole(cluster, proxy):
    engine = get_engine()
    with pytest.raises(exc.DBAPIError) as caught, engine.begin() as connection:
        connection.execute(INSERT, {"unit": "lost"})
        cluster.failover(cut=False)
        proxy.wait_closed(proxy.connection())
    # The outcome is known: no COMMIT was sent.
    assert caught.value.orig.errno == 2013
    assert not isinstance(caught.value.orig, OutcomeUnknownError)
    assert write(engine, "after") == server_id(cluster.writer)
    cluster.wait_for_reader()
    assert units(cluster.writer) == units(cluster.reader) == ["after"]


def test_a_unit_of_work_through_the_proxy_is_run_again_on_the_new_writer(cluster, proxy):
    is_run_again_on_the_new_writer(cluster, cut=False)


def test_a_statement_through_the_proxy_is_ended_by_the_failover(cluster, proxy):
    engine = get_engine()
    with engine.connect() as connection, ThreadPoolExecutor(1) as threads:
        running = threads.submit(connection.execute, text("SELECT SLEEP(60)"))
        proxy.wait(lambda front: "QUERY SELECT SLEEP(60)" in front.connection().commands)
        cluster.failover(cut=False)
        with pytest.raises(exc.DBAPIError) as caught:
            running.result()
        assert caught.value.connection_invalidated
    assert write(engine, "after") == server_id(cluster.writer)


def test_a_pinned_connection_ends_with_the_failover(cluster, proxy):
    engine = get_engine(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("SET @a = 1"))
        assert proxy.connection().pinned
        cluster.failover(cut=False)
        proxy.wait_closed(proxy.connection())
        with pytest.raises(exc.DBAPIError) as caught:
            connection.execute(text("SELECT @a"))
        assert caught.value.connection_invalidated
    assert write(engine, "after") == server_id(cluster.writer)


def test_a_connect_and_a_statement_wait_for_the_new_writer(cluster, proxy):
    target = {"host": proxy.host, "port": proxy.port, "user": USER, "database": "app"}
    connected, new = get_engine(), get_engine("new", **target, role="writer", connect_timeout=60)
    old = write(connected, "before")
    proxy.lead_to(None)
    with ThreadPoolExecutor(2) as threads:
        writing = [threads.submit(write, connected, "a statement"), threads.submit(write, new, "a connect")]
        proxy.wait(lambda front: front.proxy()["waiting"] == 2)
        cluster.failover(cut=True)
        assert [one.result() for one in writing] == [server_id(cluster.writer)] * 2 != [old] * 2
    assert len(proxy.connections()) == 2
    cluster.wait_for_reader()
    assert units(cluster.writer) == units(cluster.reader) == ["a connect", "a statement", "before"]


def test_a_failover_that_takes_longer_than_a_connect_may(cluster, proxy):
    engine = get_engine(role="writer", connect_timeout=1)
    proxy.lead_to(None)
    with pytest.raises(exc.OperationalError) as caught:
        write(engine, "refused")
    assert isinstance(caught.value.orig, ConnectTimeoutError)
    cluster.failover(cut=True)
    assert write(engine, "after") == server_id(cluster.writer)
    assert units(cluster.writer) == ["after"]


@pytest.mark.parametrize(("cut", "through_proxy"), [(True, False), (False, False), (True, True)])
def test_environments_that_write_through_failovers_lose_nothing_and_write_nothing_twice(cluster, proxy, cut, through_proxy):
    """Each unit of work is in the database once if it succeeded, not at all if it was refused, and at most once if its outcome is unknown."""
    over = threading.Event()
    written, refused, unknown = [], [], []
    endpoint = proxy if through_proxy else cluster
    target = {"host": endpoint.host, "port": endpoint.port, "user": USER, "database": "app", "connect_timeout": 20}

    def environment(number):
        engine = get_engine(f"environment{number}", role="writer", **target)
        for count in itertools.takewhile(lambda _: not over.is_set(), itertools.count()):
            unit = f"{number}-{count}"
            try:
                run(engine, lambda connection, unit=unit: connection.execute(INSERT, {"unit": unit}))
                written.append(unit)
            except exc.DBAPIError as error:
                if isinstance(error.orig, OutcomeUnknownError):
                    unknown.append(unit)
                elif isinstance(error.orig, ConnectError) or error.orig.errno == 1290:
                    refused.append(unit)
                else:
                    raise

    with ThreadPoolExecutor(4) as threads:
        environments = [threads.submit(environment, number) for number in range(4)]
        try:
            for _ in range(2):
                begun = len(written)
                cluster.failover(cut=cut, names=False)
                cluster.move_names()
                while len(written) < begun + 40 and not any(one.done() for one in environments):
                    time.sleep(0.01)
        finally:
            over.set()
        for one in environments:
            one.result()
    cluster.wait_for_reader()
    found = units(cluster.writer)
    assert len(found) == len(set(found))
    assert set(written) <= set(found) <= {*written, *unknown}
    assert not set(refused) & set(found)
    assert units(cluster.reader) == found


def test_the_example_with_a_reader(cluster, layer_of, credentials):
    cluster.writer.server.execute("DROP TABLE IF EXISTS app.orders")
    run_file(cluster.writer.server, "app", EXAMPLE / "schema.sql")
    settings = {"PORT": str(cluster.port), "USER": USER, "DATABASE": "app"}
    variables = {"RDSPOOL_HOST": cluster.host, "RDSPOOL_READER_HOST": cluster.reader_host, "RDSPOOL_CA": CA}
    for prefix in ("RDSPOOL", "RDSPOOL_READER"):
        variables |= {f"{prefix}_{name}": value for name, value in settings.items()}
    environment = Environment(
        layers=[layer_of()],
        python=HERE,
        task=EXAMPLE / "src",
        variables=variables,
        credentials=credentials,
        region=cluster.writer.front.region,
        hosts=dict(cluster.addresses),
        files={CA: cluster.writer.front.ca_file},
    )
    with environment:
        for _ in range(2):
            assert environment.invoke({"id": "7f3a", "item": "tea"}).payload == {"added": "7f3a"}
        cluster.wait_for_reader()
        assert environment.invoke({}).payload == {"orders": [{"id": "7f3a", "item": "tea"}]}
    asked = {member: [one for one in member.front.connection().commands if "orders" in one] for member in (cluster.writer, cluster.reader)}
    assert [command.split()[1] for command in asked[cluster.writer]] == ["INSERT", "INSERT"]
    assert [command.split()[1] for command in asked[cluster.reader]] == ["SELECT"]


# -- several engines ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def four_ways(cluster, aws, monkeypatch):
    """Settings of four engines, each with a way of its own to sign in: IAM, an alias, a secret, and a password through the proxy."""
    password = secrets.token_urlsafe(12)
    cluster.writer.server.create_user("reports", password, database="app")
    cluster.wait_for_reader()
    cluster.addresses[ALIAS] = cluster.reader.front.address
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.address)  # the credentials stay those of the front
    client = boto3.client("secretsmanager", endpoint_url=aws.address, region_name="eu-central-1")
    fields = {"username": "reports", "password": password, "host": cluster.reader_host, "port": cluster.port, "dbname": "app"}
    client.create_secret(Name="shop/reports", SecretString=json.dumps(fields))
    more = {
        "ALIASED": {"HOST": ALIAS, "PORT": cluster.port, "ENDPOINT": cluster.reader_host, "USER": USER, "DATABASE": "app"},
        "KEPT": {"SECRET": "shop/reports"},
        "POOLED": {"HOST": cluster.proxy.host, "PORT": cluster.proxy.port, "USER": USER, "DATABASE": "app"},
    }
    for engine, settings in more.items():
        for name, value in settings.items():
            monkeypatch.setenv(f"RDSPOOL_{engine}_{name}", str(value))
    yield {name: get_engine(name) for name in (None, "aliased", "kept", "pooled")}
    stored.forget()
    del cluster.addresses[ALIAS]


def leads_to(engine):
    with engine.connect() as connection:
        return tuple(connection.execute(text("SELECT @@server_id, SUBSTRING_INDEX(USER(), '@', 1)")).one())


def test_each_engine_signs_in_in_its_own_way(cluster, four_ways):
    """Two times, and in the same process: what is kept of one (token, password, TLS session) is of no use to another."""
    for _ in range(2):
        writer, reader = server_id(cluster.writer), server_id(cluster.reader)
        assert {name: leads_to(engine) for name, engine in four_ways.items()} == {
            None: (writer, USER),
            "aliased": (reader, USER),
            "kept": (reader, "reports"),
            "pooled": (writer, USER),
        }
        for engine in four_ways.values():
            engine.dispose()


def test_each_engine_goes_on_after_a_failover(cluster, four_ways):
    for engine in four_ways.values():
        leads_to(engine)
    cluster.failover(cut=True)
    cluster.addresses[ALIAS] = cluster.reader.front.address
    writer, reader = server_id(cluster.writer), server_id(cluster.reader)
    assert [leads_to(engine)[0] for engine in four_ways.values()] == [writer, reader, reader, writer]


def test_the_doctor_examines_each_engine(four_ways, monkeypatch, capsys):
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9/")
    for name in ("aliased", "kept", "pooled"):
        main(["doctor", name, "--json"])
        report = json.loads(capsys.readouterr().out)
        assert report["failed"] == [], name
        settings = next(step for step in report["steps"] if step["step"] == "settings")["facts"]["settings"]
        key = {"aliased": "endpoint", "kept": "secret", "pooled": "host"}[name]
        assert settings[key]["from"] == f"RDSPOOL_{name.upper()}_{key.upper()}"
