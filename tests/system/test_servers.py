"""The real servers of local/: what they are, and that they end when they should."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pymysql.err
import pytest

from local.errors import LocalError
from local.server import KINDS, Kind, Server, start
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
STARTER = """
import sys, threading, time
from local.server import start

def hold():
    with start(sys.argv[1]) as server:
        print(server.port, server.socket, flush=True)
        time.sleep(600)

# Not in the main thread, and the thread that starts it may end: neither may end the server or save it.
threading.Thread(target=hold, daemon=True).start()
time.sleep(600)
"""


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with start(request.param) as started:
        yield started


def test_the_version_is_one_that_aws_offers(server: Server) -> None:
    numbers = tuple(int(part) for part in server.version.split("-")[0].split("."))
    assert numbers >= ((8, 4) if server.kind == "mysql" else (10, 6))
    assert ("mariadb" in server.version.lower()) == (server.kind == "mariadb")
    assert server.execute("SELECT 1", "SELECT VERSION(), @@port") == [(server.version, server.port)]


def test_it_listens_on_loopback_only(server: Server) -> None:
    assert server.execute("SELECT @@bind_address") == [("127.0.0.1",)]


def test_tls_and_a_users_rights(server: Server) -> None:
    assert server.ca is not None
    password = "p'\"\\ %s%"
    server.create_user("fred", password, database=server.database("app%1", charset="utf8mb4"))
    context = ssl.create_default_context(cafile=server.ca)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    # The pool's connections go by name, so both must be in the certificate.
    for host in (server.host, "localhost"):
        connection = pymysql.connect(host=host, port=server.port, user="fred", password=password, database="app%1", ssl=context)
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS t (a INT)")
            cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
            assert cursor.fetchone() == ("Ssl_version", "TLSv1.3")
            with pytest.raises(pymysql.err.OperationalError):
                cursor.execute("SELECT * FROM mysql.user")


def test_tls_of_another_authority_is_refused(server: Server) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        pymysql.connect(host=server.host, port=server.port, user="root", password="x", ssl=ssl.create_default_context())


def test_no_administrator_without_a_password(server: Server) -> None:
    for where in ({"unix_socket": str(server.socket)}, {"host": server.host, "port": server.port}):
        for user in ("root", ""):
            with pytest.raises(pymysql.err.OperationalError):
                pymysql.connect(user=user, password="", **where)


def test_no_password_is_shown(server: Server) -> None:
    assert server.admin_password not in repr(server)
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert server.admin_password.encode() not in process.read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue


def test_clients_see_the_servers_own_defaults(server: Server) -> None:
    isolation = "transaction_isolation" if server.kind == "mysql" else "tx_isolation"
    [(mode, level, limit)] = server.execute(f"SELECT @@global.sql_mode, @@global.{isolation}, @@global.wait_timeout")
    assert "STRICT_TRANS_TABLES" in mode
    assert (level, limit) == ("REPEATABLE-READ", 28800)


def test_two_at_once_and_nothing_left() -> None:
    with start("mysql") as one, start("mysql") as two:
        assert one.port != two.port
        assert one.admin_password != two.admin_password
        one.database("only_here")
        assert two.execute("SHOW DATABASES LIKE 'only_here'") == []
    for ended in (one, two):
        assert ended.socket is not None
        assert not ended.socket.parent.exists()
        assert not _listens(ended.port)


@pytest.mark.parametrize("kind", KINDS)
def test_it_dies_with_its_parent(kind: Kind) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", STARTER, kind], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert parent.stdout is not None
    with parent, parent.stdout:
        line = parent.stdout.readline().split()
        assert len(line) == 2, "the server did not start"
        port, folder = int(line[0]), Path(line[1]).parent
        assert _listens(port)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    wait_until(lambda: not _listens(port) and not folder.exists(), "the server ends with its parent and leaves nothing")


@pytest.mark.parametrize("crash", [False, True], ids=["stop", "crash"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_starts_again_with_its_data_and_options(kind: Kind, crash: bool) -> None:
    with start(kind, options=["--max-connections=23", "--innodb-flush-log-at-trx-commit=2"]) as server:
        server.database("app")
        server.execute("CREATE TABLE app.t (id INT PRIMARY KEY)", "INSERT INTO app.t VALUES (7)")
        server.restart(crash=crash)
        assert server.execute("SELECT id FROM app.t") == [(7,)]
        assert server.execute("SELECT @@max_connections") == [(23,)]


def test_an_existing_server_takes_no_options_and_no_restart(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"RDSLOCAL_{server.kind.upper()}", f"mysql://root:{server.admin_password}@127.0.0.1:{server.port}?ca={server.ca}")
    with pytest.raises(LocalError, match="running server"), start(server.kind, options=["--max-connections=23"]):
        pass
    with start(server.kind) as existing, pytest.raises(LocalError, match="can't be started again"):
        existing.restart()


def test_an_existing_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"RDSLOCAL_{server.kind.upper()}"
    monkeypatch.setenv(name, f"mysql://root:{server.admin_password}@{server.host}:{server.port}?ca={server.ca}")
    with start(server.kind) as same:
        assert (same.port, same.version, same.ca) == (server.port, server.version, server.ca)
    assert server.execute("SELECT 1") == [(1,)], "it must be left running"


@pytest.mark.parametrize(
    "value", ["nonsense", "mysql://127.0.0.1:3306", "mysql://a:TOPSECRET@127.0.0.1:port", "mysql://a:TOPSECRET@127.0.0.1:1"]
)
def test_an_existing_server_that_can_not_be_used(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDSLOCAL_MYSQL", value)
    with pytest.raises(LocalError, match=r"RDSLOCAL_MYSQL must be|refuses the connection of a") as refused, start("mysql"):
        pass
    assert "TOPSECRET" not in "".join(traceback.format_exception(refused.value))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_is_prepared_and_started_again_with_options(kind: Kind) -> None:
    ports: list[int] = []

    def prepare(prepared: Server) -> None:
        prepared.execute(f"CREATE TABLE {prepared.database('app')}.kept (id INT)", "INSERT INTO app.kept VALUES (1)")
        ports.append(prepared.port)

    with start(kind, options=["--max-connections=17"], prepare=prepare) as server:
        assert server.execute("SELECT @@max_connections") == [(17,)]
        assert server.execute("SELECT id FROM app.kept") == [(1,)]
        assert ports == [server.port]


def test_an_existing_server_takes_no_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDSLOCAL_MYSQL", "mysql://a:b@127.0.0.1:1")
    with pytest.raises(LocalError, match="takes no other options"), start("mysql", options=["--max-connections=17"]):
        pass
