"""What the RDS front counts, what it adds, and its process."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path

from front_clients import (
    CREDENTIALS,
    DATABASE,
    PYMYSQL_SETUP,
    USERS,
    CountingProxy,
    connector_connection,
    pymysql_connection,
    query,
    token,
)

from local.front import Front
from local.server import Server
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]


def test_counts_equal_a_proxys(front: Front) -> None:
    with CountingProxy(front) as proxy:
        with pymysql_connection(front, port=proxy.port, password=token(front)) as connection:
            assert query(connection, "SELECT 1") == 1
            assert query(connection, f"SELECT LENGTH('{'x' * 100_000}')") == 100_000
            assert len(query(connection, "SELECT REPEAT('y', 300000)")) == 300_000
            connection.ping()
            record = front.connection()
            assert (record.round_trips, record.bytes_out) == (proxy.answers, proxy.bytes_out)
        closed = front.wait_closed(record)
    assert (closed.bytes_in, closed.bytes_out, closed.round_trips) == (proxy.bytes_in, proxy.bytes_out, proxy.answers)
    assert closed.round_trips == 3 + 2 + 4
    assert [command.split("'")[0] for command in closed.commands] == [
        *PYMYSQL_SETUP,
        "QUERY SELECT 1",
        "QUERY SELECT LENGTH(",
        "QUERY SELECT REPEAT(",
        "PING",
        "QUIT",
    ]


def test_counts_of_a_block(front: Front) -> None:
    with pymysql_connection(front) as connection:
        with front.count() as count:
            query(connection, "SELECT 1")
            connection.rollback()
        assert (count.round_trips, count.commands, count.connections) == (2, ["QUERY SELECT 1", "QUERY ROLLBACK"], 0)
        front.reset()
        query(connection, "SELECT 2")
        record = front.connection()
        assert (record.round_trips, record.commands, record.connect_round_trips) == (1, ["QUERY SELECT 2"], 0)
        assert front.totals()["command_count"] == 1


def test_connectors_commands(front: Front) -> None:
    with connector_connection(front) as connection:
        front.reset()
        connection.ping()
        connection.cmd_reset_connection()
        connection.database = DATABASE
        cursor = connection.cursor(prepared=True)
        cursor.execute("SELECT %s + 1", (2,))
        assert cursor.fetchall() == [(3,)]
        cursor.close()
        # STMT_CLOSE has no answer that shows that it has arrived; the next command's has.
        connection.ping()
        commands = front.connection().commands
    for name in ("PING", "RESET_CONNECTION", f"INIT_DB {DATABASE}", "STMT_PREPARE SELECT ? + 1", "STMT_EXECUTE 1", "STMT_CLOSE 1"):
        assert [command for command in commands if command.startswith(name)], (name, commands)


def test_large_packets_and_local_files(front: Front, server: Server, tmp_path: Path) -> None:
    server.execute("SET GLOBAL max_allowed_packet = 67108864", "SET GLOBAL local_infile = 1")
    file = tmp_path / "rows"
    # 20 MB in packets of PyMySQL's 16 KB: their numbers go round several times.
    file.write_bytes(b"0123456789abcde\n" * (20 * 1024 * 1024 // 16))
    with pymysql_connection(front, local_infile=True, max_allowed_packet=1 << 26) as connection:
        front.reset()
        assert query(connection, f"SELECT LENGTH('{'x' * (20 << 20)}')") == 20 << 20
        assert len(query(connection, f"SELECT REPEAT('z', {20 << 20})")) == 20 << 20
        query(connection, "CREATE TEMPORARY TABLE rows_of_a_file (line CHAR(15))")
        query(connection, f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE rows_of_a_file")
        assert query(connection, "SELECT COUNT(*) FROM rows_of_a_file") == 20 << 16
        record = front.connection()
        assert [command[:13] for command in record.commands] == [
            "QUERY SELECT ",
            "QUERY SELECT ",
            "QUERY CREATE ",
            "QUERY LOAD DA",
            "QUERY SELECT ",
        ]


def test_secrets_are_nowhere_to_be_seen(front: Front) -> None:
    proc = Path(f"/proc/{front.pid}")
    seen = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes() + repr(vars(front)).encode()
    assert CREDENTIALS.session_token is not None
    for secret in (CREDENTIALS.secret_key, CREDENTIALS.session_token, *USERS.values()):
        assert secret.encode() not in seen
    assert front._token not in repr(front)


def test_control_channel_wants_its_token(front: Front) -> None:
    for headers in ({}, {"Authorization": "Bearer guess"}):
        connection = http.client.HTTPConnection(front.address, front._control)
        connection.request("POST", "/connections", "{}", headers)
        assert connection.getresponse().read() == b'{"error": "the control channel\'s token is missing or wrong"}'
        connection.close()


STARTER = """
import sys, time
from types import SimpleNamespace
from local.front import Credentials, start
with start(SimpleNamespace(host="127.0.0.1", port=1, socket=None), users={}, credentials=Credentials("a", "b")) as front:
    print(front.pid, flush=True)
    time.sleep(600)
"""


def test_ends_with_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), f"process {pid} ends with its parent")


def test_by_hand_it_says_what_it_is() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "local.front"], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("python -m local.front is the process of the RDS front")
