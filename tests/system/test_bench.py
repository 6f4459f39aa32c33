"""tests/bench/run.sh for real, quickly and with few contenders: the outcome's structure and its exact counts, never its times."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIGURE = {"median", "low", "lower", "upper", "high", "repeats"}
COUNTS = ("cold_commands", "cold_round_trips", "reconnect_round_trips", "autocommit_round_trips", "select_round_trips", "write_round_trips")
EXACT = {
    "stock_c": (15, 17, 4, 3, 3, 4),
    "mysqlclient": (10, 13, 6, 2, 2, 3),
    "mariadb": (8, 11, 4, 2, 2, 4),
    "rdspool": (3, 4, 3, 1, 2, 2),
}
"""Round trips and commands as counted: to the first row (a ROLLBACK comes after it), of a checkout, of a warm use."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return what the command printed, and the folder that it wrote to."""
    folder = tmp_path_factory.mktemp("bench")
    only = [argument for name in EXACT for argument in ("--only", name)]
    command = [str(ROOT / "tests" / "bench" / "run.sh"), "--quick", "--json", "--output", str(folder), *only]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), folder


def test_counts_are_exact(run):
    outcome, _ = run
    seen = {name: tuple(outcome["contenders"][name]["figures"][key]["median"] for key in COUNTS) for name in EXACT}
    assert seen == EXACT
    for name in EXACT:
        for key in COUNTS:
            figure = outcome["contenders"][name]["figures"][key]
            assert figure["low"] == figure["high"], (name, key)


def test_every_measure_has_a_figure_for_every_contender(run):
    outcome, _ = run
    wanted = {key for key in outcome["measures"] if outcome["quota"]["available"] or "mb" not in key.split("_")[-1]}
    for name in EXACT:
        figures = outcome["contenders"][name]["figures"]
        assert wanted <= figures.keys(), name
        for key in wanted:
            assert figures[key].keys() == FIGURE
            assert figures[key]["repeats"] >= 1
            ordered = [figures[key][part] for part in ("low", "lower", "median", "upper", "high")]
            assert ordered == sorted(ordered)
    assert outcome["quota"]["available"] or outcome["quota"]["reason"]


def test_contenders_are_what_they_say(run):
    outcome, _ = run
    assert {name: outcome["contenders"][name]["driver"] for name in EXACT} == {
        "stock_c": "CMySQLConnection",
        "mysqlclient": "Connection",
        "mariadb": "Connection",
        "rdspool": "Connection",
    }
    ratios = outcome["contenders"]["rdspool"]["ratios"]
    assert ratios["stock_c"]["autocommit_round_trips"] == pytest.approx(1 / 3, abs=1e-4)
    assert ratios["mysqlclient"]["write_round_trips"] == pytest.approx(2 / 3, abs=1e-4)
    assert ratios["mariadb"]["write_round_trips"] == pytest.approx(1 / 2, abs=1e-4)


def test_the_orm_opens_more_files(run):
    outcome, _ = run
    for name in EXACT:
        figures = outcome["contenders"][name]["figures"]
        assert 0 < figures["import_files"]["median"] < figures["orm_files"]["median"]


def test_outcome_names_versions_and_no_place(run):
    outcome, folder = run
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", outcome["date"])
    assert {
        "Python",
        "OpenSSL",
        "MySQL",
        "SQLAlchemy",
        "mysql-connector-python",
        "mysqlclient",
        "mariadb",
        "MariaDB Connector/C",
        "rdspool",
    } <= outcome["versions"].keys()
    assert outcome["machine"]["cores"] >= 1
    for file in ("results.json", "results.md", "chart.svg"):
        content = (folder / file).read_text()
        assert str(Path.home()) not in content
        assert str(ROOT) not in content
        assert "amazonaws.com" not in content


def test_the_files_show_the_same(run):
    outcome, folder = run
    assert json.loads((folder / "results.json").read_text()) == outcome
    table = (folder / "results.md").read_text()
    assert "| commands from sign-in to the first row | 15 | 10 | 8 | **3** | 0.20 | 0.30 | 0.38 |" in table
    assert "This was a quick run" in table
    texts = [element.text for element in ElementTree.fromstring((folder / "chart.svg").read_text()).iter() if element.tag.endswith("}text")]  # noqa: S314 - our own
    assert {"rdspool", "stock C", "mysqlclient", "mariadb", "Commands from sign-in to the first row"} <= set(texts)
    assert any(outcome["date"] in text for text in texts)


def test_an_unknown_contender_is_refused():
    command = [str(ROOT / "tests" / "bench" / "run.sh"), "--only", "nobody"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'nobody' is not one of" in done.stderr
