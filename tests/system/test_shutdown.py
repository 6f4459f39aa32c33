"""The end of an environment and the snapshot before its begin: goodbyes, and nothing shared."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.environment import Environment
from local.environment.runtime_api import FunctionProcess

ROOT = Path(__file__).resolve().parents[2]

HANDLER = """
import os, signal
CALLS = []
if os.environ.get("MINE") == "before":
    signal.signal(signal.SIGTERM, lambda *_: (print("mine", flush=True), os._exit(0)))
from rdspool import get_engine
from sqlalchemy import text
engine = get_engine()
if os.environ.get("EAGER"):
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
if os.environ.get("MINE") == "after":
    signal.signal(signal.SIGTERM, lambda *_: (print("mine", flush=True), os._exit(0)))

def handler(event, context):
    with engine.connect() as connection:
        return connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
"""


def status(server, name):
    return int(server.execute(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])


def sessions(server):
    return {row[0] for row in server.execute("SELECT ID FROM information_schema.PROCESSLIST")}


def of_app(server):
    return [row[0] for row in server.execute("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'app'")]


def gone(server, number):
    """Wait until a session has ended; the tests' own time-out ends a wait in vain."""
    while number in sessions(server):
        time.sleep(0.01)
    return True


@pytest.fixture
def task(tmp_path):
    folder = tmp_path / "function"
    folder.mkdir()
    (folder / "handler.py").write_text(HANDLER)
    return folder


@pytest.fixture
def variables(task, front, credentials):
    """The function's variables."""
    (task / "ca.pem").write_text(front.ca_file.read_text())
    return {
        "RDSPOOL_HOST": front.host,
        "RDSPOOL_PORT": str(front.port),
        "RDSPOOL_USER": "app",
        "RDSPOOL_CA": str(task / "ca.pem"),
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_REGION": "eu-central-1",
    }


@pytest.fixture
def start(task, variables, front):
    """A function that starts a process of the function."""
    running = []

    def new(snap_start=False, **more):
        running.append(FunctionProcess(task, variables=variables | more, snap_start=snap_start, hosts={front.host: front.address}))
        running[-1].wait_ready()
        return running[-1]

    yield new
    for process in running:
        process.kill()


def test_sigterm_closes_the_connections_with_a_goodbye(server, start):
    before = status(server, "Aborted_clients")
    process = start()
    assert process.extensions == ["rdspool"]
    number = process.invoke()
    process.terminate()
    assert process.process.returncode == 128 + signal.SIGTERM
    assert gone(server, number)
    assert status(server, "Aborted_clients") == before


def test_in_aws_own_emulator(server, layer_of, task, variables, front, credentials):
    """It takes the extension, sends SIGTERM for it, and kills what is not gone after 600 ms."""
    before = status(server, "Aborted_clients")
    settings = {name: value for name, value in variables.items() if name.startswith("RDSPOOL_")} | {"RDSPOOL_CA": "/var/task/ca.pem"}
    with Environment(
        task=task, layers=[layer_of()], variables=settings, credentials=credentials, hosts={front.host: front.address}
    ) as environment:
        number = environment.invoke().payload
        assert not environment.terminate().killed
    assert gone(server, number)
    assert status(server, "Aborted_clients") == before


@pytest.mark.parametrize("mine", ["before", "after"])
def test_a_handler_of_the_functions_own_still_runs(server, start, mine):
    before = status(server, "Aborted_clients")
    process = start(MINE=mine)
    number = process.invoke()
    process.terminate()
    assert "mine" in process.log
    assert process.process.returncode == 0
    assert gone(server, number)
    assert status(server, "Aborted_clients") == before


def test_a_setting_turns_it_off(start):
    process = start(RDSPOOL_SHUTDOWN="false")
    process.invoke()
    assert process.extensions == []


def test_an_ordinary_process_says_goodbye_at_its_exit(server, variables, task):
    before = status(server, "Aborted_clients")
    code = (
        "from local.front.names import resolved; import handler, os\n"
        "with resolved(os.environ['RDSPOOL_HOST']):\n"
        "    print(handler.handler(None, None))"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(task), *sys.path, str(ROOT)]), **variables}
    printed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
    assert gone(server, int(printed))
    assert status(server, "Aborted_clients") == before


# -- SnapStart ---------------------------------------------------------------------------------------------------------------------------


def test_a_snapshot_has_no_connection_token_or_tls_session(server, front, start):
    process = start(snap_start=True, EAGER="yes")
    assert process.at_snapshot, process.log
    assert of_app(server) == []
    process.restore()
    with front.count() as count:
        first = process.invoke()
    assert count.connections == 1
    assert process.invoke() == first


def test_after_a_restore_a_connection_is_made_at_once(server, front, start):
    process = start(snap_start=True, RDSPOOL_CONNECT="init")
    assert process.at_snapshot, process.log
    with front.count() as count:
        process.restore()
        while not of_app(server):
            time.sleep(0.01)
        (number,) = of_app(server)
        assert process.invoke() == number
    assert count.connections == 1
