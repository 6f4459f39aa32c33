"""The end of an environment and the snapshot before its begin: goodbyes, and nothing shared."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from local.environment import Environment
from tests.function_rig import session_ids
from tests.waiting import wait_until

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
if os.environ.get("MINE") == "calls the former":
    former = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *given: (print("mine", flush=True), former(*given)))
if os.environ.get("MINE") == "after":
    signal.signal(signal.SIGTERM, lambda *_: (print("mine", flush=True), os._exit(0)))

def handler(event, context):
    with engine.connect() as connection:
        return connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
"""


def status(server, name):
    return int(server.execute(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])


def of_app(server):
    return set(session_ids(server, "app"))


def wait_for_its_end(server, number):
    wait_until(lambda: number not in session_ids(server), f"session {number} has ended")


@pytest.fixture
def start(start_function):
    """Return a function that starts a process of the function and waits for the end of its init."""

    def new(**options):
        process = start_function(HANDLER, **options)
        process.wait_ready()
        return process

    return new


def test_sigterm_closes_the_connections_with_a_goodbye(server, start):
    before = status(server, "Aborted_clients")
    process = start()
    assert process.extensions == ["rdspool"]
    number = process.invoke()
    process.terminate()
    assert process.process.returncode == 128 + signal.SIGTERM
    wait_for_its_end(server, number)
    assert status(server, "Aborted_clients") == before


def test_in_aws_own_emulator(server, layer_of, tmp_path, front, credentials):
    """It takes the extension, sends SIGTERM for it, and kills what is not gone after 600 ms."""
    before = status(server, "Aborted_clients")
    (tmp_path / "handler.py").write_text(HANDLER)
    variables = {"RDSPOOL_HOST": front.host, "RDSPOOL_PORT": str(front.port), "RDSPOOL_USER": "app", "RDSPOOL_CA": "/tmp/ca.pem"}  # noqa: S108
    with Environment(
        task=tmp_path,
        layers=[layer_of()],
        variables=variables,
        credentials=credentials,
        hosts={front.host: front.address},
        files={"/tmp/ca.pem": front.ca_file},  # noqa: S108
    ) as environment:
        number = environment.invoke().payload
        assert not environment.terminate().killed
    wait_for_its_end(server, number)
    assert status(server, "Aborted_clients") == before


@pytest.mark.parametrize("mine", ["before", "after", "calls the former"])
def test_a_handler_of_the_functions_own_still_runs(server, start, mine):
    before = status(server, "Aborted_clients")
    process = start(MINE=mine)
    number = process.invoke()
    process.terminate()
    assert "mine" in process.log
    assert process.process.returncode == (128 + signal.SIGTERM if mine == "calls the former" else 0)
    wait_for_its_end(server, number)
    assert status(server, "Aborted_clients") == before


def test_a_setting_turns_it_off(start):
    process = start(RDSPOOL_SHUTDOWN="false")
    process.invoke()
    assert process.extensions == []


def test_an_ordinary_process_says_goodbye_at_its_exit(server, password_target):
    before = status(server, "Aborted_clients")
    code = (
        "import json, sys\n"
        "from local.front.names import resolved\n"
        "from rdspool import get_engine\n"
        "given = json.loads(sys.argv[1])\n"
        "with resolved(given['host']), get_engine(**given).connect() as connection:\n"
        "    print(connection.exec_driver_sql('SELECT CONNECTION_ID()').scalar_one())\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code, json.dumps(password_target)]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    wait_for_its_end(server, int(printed))
    assert status(server, "Aborted_clients") == before


# -- SnapStart ---------------------------------------------------------------------------------------------------------------------------


def test_a_snapshot_has_no_connection_token_or_tls_session(server, front, start):
    before = of_app(server)
    process = start(snap_start=True, EAGER="yes")
    assert process.at_snapshot, process.log
    assert of_app(server) <= before
    process.restore()
    with front.count() as count:
        first = process.invoke()
    assert count.connections == 1
    assert process.invoke() == first


def test_after_a_restore_a_connection_is_made_at_once(server, front, start):
    before = of_app(server)
    process = start(snap_start=True, RDSPOOL_CONNECT="init")
    assert process.at_snapshot, process.log
    with front.count() as count:
        process.restore()
        wait_until(lambda: of_app(server) - before, "a session has begun")
        (number,) = of_app(server) - before
        assert process.invoke() == number
    assert count.connections == 1
