"""The examples and the command line of local/, run as their users run them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from layers import LayerOf

ROOT = Path(__file__).resolve().parents[2]
KEYS = ["invocation", "start", "connection_id", "connection", "init_ms", "duration_ms", "round_trips"]
FUNCTION = """
from rdspool import get_engine
from sqlalchemy import text

engine = get_engine()

def run(event, context):
    print("asked", event["sql"])
    with engine.connect() as connection:
        return [list(row) for row in connection.execute(text(event["sql"]))]
"""


def local(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "local", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("server", ["mysql", "mariadb"])
def test_the_connection_is_kept_and_then_recycled(server: str) -> None:
    run = subprocess.run([ROOT / "examples" / "run.sh", "--json", "--server", server], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    assert [list(row) for row in rows] == [KEYS] * 5
    assert [row["invocation"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["start"] for row in rows] == ["cold", "warm", "warm", "warm", "warm"]
    assert [row["connection"] for row in rows] == ["new", "reused", "reused", "reused", "new"]
    assert len({row["connection_id"] for row in rows[:4]}) == 1
    assert rows[4]["connection_id"] != rows[0]["connection_id"]
    assert [row["init_ms"] is None for row in rows] == [False, True, True, True, True]
    assert all(row["duration_ms"] > 0 for row in rows)
    assert rows[0]["round_trips"] > rows[1]["round_trips"] == rows[2]["round_trips"] == rows[3]["round_trips"] > 0


def test_the_table_is_for_people() -> None:
    run = subprocess.run([ROOT / "examples" / "run.sh"], capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "80"})
    assert run.returncode == 0, run.stderr
    for heading in ("invocation", "start", "connection id", "connection", "init ms", "handler ms", "round trips"):
        assert heading in run.stdout


def test_a_users_function_runs_against_a_local_database(layer_of: LayerOf, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(FUNCTION)
    (tmp_path / "schema.sql").write_text("CREATE TABLE pet (name TEXT);\nINSERT INTO pet VALUES ('Rex');\n")
    what = ["--task", str(tmp_path), "--handler", "app.run", "--layer", str(layer_of()), "--sql", str(tmp_path / "schema.sql")]
    done = local("invoke", *what, "--event", '{"sql": "SELECT name FROM pet"}', "--event", '{"sql": "SELECT nonsense"}')
    assert done.returncode == 1
    assert done.stdout.splitlines() == ['[["Rex"]]']
    assert "asked SELECT name FROM pet" in done.stderr
    assert "failed: " in done.stderr
    assert "Unknown column 'nonsense'" in done.stderr


TWO_ENGINES = """
from rdspool import get_engine
from sqlalchemy import text

engines = {name: get_engine(name) for name in (None, "OTHER")}

def handler(event, context):
    with engines[event["engine"]].begin() as connection:
        return connection.execute(text(event["sql"])).scalar() if "SELECT" in event["sql"] else connection.execute(text(event["sql"])).rowcount
"""


def two_engines(folder: Path, layer: Path, other: str) -> list[str]:
    """Write the function with an engine of this name beside the unnamed one, and return the arguments that run it."""
    (folder / "handler.py").write_text(TWO_ENGINES.replace("OTHER", other))
    return ["--task", str(folder), "--layer", str(layer)]


def asking(engine: str | None, sql: str) -> list[str]:
    return ["--event", json.dumps({"engine": engine, "sql": sql})]


def trips(stderr: str, other: str) -> list[list[int]]:
    """Return the round trips of each invocation, to the database of the unnamed engine and to the other one."""
    found = re.findall(rf"(\d+) round trips to the database, (\d+) to {other}", stderr)
    return [[int(one) for one in pair] for pair in found]


@pytest.mark.parametrize("sign_in", ["--iam", "--no-iam"])
def test_a_function_with_two_databases(layer_of: LayerOf, tmp_path: Path, sign_in: str) -> None:
    what = two_engines(tmp_path, layer_of(), "reporting")
    (tmp_path / "pets.sql").write_text("CREATE TABLE pet (name TEXT); INSERT INTO pet VALUES ('Rex');")
    (tmp_path / "sales.sql").write_text("CREATE TABLE sale (price INT); INSERT INTO sale VALUES (7);")
    what += ["--engine", "reporting", "--sql", str(tmp_path / "pets.sql"), "--sql", f"reporting={tmp_path / 'sales.sql'}", sign_in]
    asked = [
        *asking(None, "SELECT name FROM pet"),
        *asking("reporting", "SELECT price FROM sale"),
        *asking("reporting", "SELECT price FROM sale"),
    ]
    done = local("invoke", *what, *asked)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ['"Rex"', "7", "7"]
    first, second, third = trips(done.stderr, "reporting")
    assert first[0] > 2
    assert first[1] == 0
    assert second[0] == 0
    assert second[1] > 2
    assert third == [0, 2]


def test_a_function_with_a_writer_and_a_reader(layer_of: LayerOf, tmp_path: Path) -> None:
    what = two_engines(tmp_path, layer_of(), "reader")
    (tmp_path / "pets.sql").write_text("CREATE TABLE pet (name TEXT);")
    insert = "INSERT INTO pet VALUES ('Rex')"
    asked = [*asking(None, insert), *asking("reader", "SELECT name FROM pet"), *asking("reader", insert)]
    done = local("invoke", *what, "--reader", "reader", "--sql", str(tmp_path / "pets.sql"), *asked)
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines() == ["1", '"Rex"']
    assert "running with the --read-only option" in done.stderr, done.stderr
    (written, read, refused) = trips(done.stderr, "reader")
    assert written[1] == read[0] == refused[0] == 0
    assert min(written[0], read[1], refused[1]) > 0


def test_watch_invokes_again_when_a_file_has_changed(layer_of: LayerOf, tmp_path: Path) -> None:
    task = tmp_path / "task"
    task.mkdir()
    event = tmp_path / "event.json"
    handler = "from rdspool import get_engine\nfrom sqlalchemy import text\nengine = get_engine()\n\ndef handler(event, context):\n"
    counts = "    with engine.begin() as c:\n        c.execute(text('INSERT INTO pet VALUES (1)'))\n"
    returns = "        return [event, VERSION, c.execute(text('SELECT COUNT(*) FROM pet')).scalar_one()]\n"
    (tmp_path / "pets.sql").write_text("CREATE TABLE pet (id INT);")

    def write(version: str) -> None:
        (task / "handler.py").write_text((handler + counts + returns).replace("VERSION", version))

    write("1")
    event.write_text('"a"')
    command = ["invoke", "--task", task, "--layer", layer_of(), "--event", f"@{event}", "--sql", tmp_path / "pets.sql", "--watch"]
    with subprocess.Popen(
        [sys.executable, "-m", "local", *map(str, command)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None

        def said(words: str) -> str:
            lines = []
            for line in watching.stderr or ():
                lines.append(line)
                if words in line:
                    return "".join(lines)
            raise AssertionError("".join(lines))

        try:
            said("watching for changes")
            assert json.loads(watching.stdout.readline()) == ["a", 1, 1]
            write("2")
            assert json.loads(watching.stdout.readline()) == ["a", 2, 2]
            assert "cold: " in said("watching for changes")
            write("nonsense")
            assert "failed: NameError" in said("watching for changes")
            event.write_text("{")
            assert "is not valid JSON" in said("watching for changes")
            event.write_text('"b"')
            assert "failed: NameError" in said("watching for changes")
            write("3")
            assert json.loads(watching.stdout.readline()) == ["b", 3, 3]
        finally:
            watching.send_signal(signal.SIGINT)
            rest = watching.communicate()[1]
    assert watching.returncode == 0, rest
    assert "Traceback" not in rest


@pytest.mark.parametrize("sign_in", ["--iam", "--no-iam"])
def test_up_gives_what_rdspool_needs(sign_in: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "local", "up", sign_in], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as up:
        assert up.stdout is not None
        assert up.stderr is not None
        for line in up.stderr:
            if line.startswith("up:"):
                break
        exports = os.read(up.stdout.fileno(), 65536).decode()
        ask = 'import sys; sys.path.insert(0, "examples/connection_id"); import handler; print(handler.handler({}, None)["connection_id"])'
        asked = subprocess.run(
            ["bash", "-c", f"{exports}\nexec {sys.executable} -c '{ask}'"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": "python"},
            capture_output=True,
            text=True,
            check=False,
        )
        up.send_signal(signal.SIGINT)
        assert up.wait() == 0
    assert asked.stdout.strip().isdigit(), asked.stderr
    assert ("AWS_SECRET_ACCESS_KEY" in exports) == (sign_in == "--iam")
    assert ("RDSPOOL_PASSWORD" in exports) == (sign_in == "--no-iam")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--event", "{"], "is not valid JSON"),
        (["--event", "@/nowhere"], "/nowhere can't be read"),
        (["--set", "X"], "'X' is not NAME=VALUE"),
        (["--layer", "/nowhere.zip"], "/nowhere.zip"),
        (["--engine", "a-b"], "'a-b' is no name of an engine"),
        (["--engine", "reports", "--sql", "report=/nowhere"], "report=/nowhere is no file"),
        (["--engine", "reports", "--sql", "reports=/nowhere"], "/nowhere is no file"),
    ],
)
def test_wrong_usage_is_said(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = local("invoke", "--task", str(tmp_path), *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_shares_the_database_of_its_writer(tmp_path: Path) -> None:
    done = local("invoke", "--task", str(tmp_path), "--reader", "reader", "--engine", "other")
    assert done.returncode == 1
    assert "local: a reader is one of a cluster of two MySQL servers" in done.stderr
