"""The time lines of the documentation: they are drawn from runs.json, and their measurement still sees what they show."""

from __future__ import annotations

import json
import subprocess

import pytest

from docs.timelines.recorder import CLIENT, SERVER, exchanges
from tests.docs_blocks import ROOT

FOLDER = ROOT / "docs" / "timelines"
RUNS = json.loads((FOLDER / "runs.json").read_text())
DRAW = """
import json
from docs.timelines import drawing
runs = json.load(open("docs/timelines/runs.json"))
drawn = {name: drawing.start(name, run, runs["facts"]) for name, run in runs["starts"].items()}
print(json.dumps(drawn | {"failover": drawing.failover(runs["failover"], runs["facts"])}))
"""
MEASURE = """
import json
from docs.timelines import runs
runs.ENVIRONMENTS = 1
print(json.dumps({"facts": runs.facts(), "starts": runs.starts(), "failover": runs.failover()}))
"""


@pytest.fixture(scope="module")
def printed():
    """A function that runs Python code with the packages of the site, and returns the JSON that it prints."""

    def run(code):
        command = ["bash", "-c", '. local/setup.sh && setup_venv docs && exec "$PYTHON" -c "$0"', code]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_the_drawings_are_those_of_the_runs(printed):
    drawn = printed(DRAW)
    assert drawn.keys() == {path.stem for path in FOLDER.glob("*.svg")}
    for name, text in drawn.items():
        assert (FOLDER / f"{name}.svg").read_text() == text, f"{name}: docs/run.sh --timelines writes it again"


def test_the_measurement_sees_the_same_parts(printed):
    # It refuses a run with other round trips than those that it names, one whose TLS session was not resumed, and a lost unit of work.
    found = printed(MEASURE)
    for name, run in RUNS["starts"].items():
        for panel in ("init", "invocation"):
            assert [part["label"] for part in found["starts"][name][panel]] == [part["label"] for part in run[panel]]
    assert found["failover"].keys() == RUNS["failover"].keys()


def test_round_trips_are_told_apart():
    events = [(1.0, SERVER), (2.0, CLIENT), (3.0, CLIENT), (4.0, SERVER), (5.0, SERVER), (6.0, CLIENT), (7.0, SERVER)]
    assert exchanges(events) == [(2.0, 5.0), (6.0, 7.0)]
