"""The examples and the command line of local/, run as their users run them."""

from __future__ import annotations

import json
import os
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
    ],
)
def test_wrong_usage_is_said(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = local("invoke", "--task", str(tmp_path), *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
