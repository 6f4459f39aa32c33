"""Metrics in Embedded Metric Format: what a line holds, when there is one, and when the module is imported at all."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from rdspool import _connect_log, _metrics, engine, get_engine
from rdspool._aws import token
from rdspool._connect_log import NewConnection
from rdspool._driver.lives import REASONS
from rdspool._lambda import invocation
from sqlalchemy import exc


@pytest.fixture(autouse=True)
def nothing_counted(monkeypatch):
    """Begin without counts, and leave no watchers."""
    monkeypatch.setattr(_connect_log, "watchers", [])
    monkeypatch.setattr(token, "watchers", [])
    monkeypatch.setattr(_metrics, "_counts", {})
    monkeypatch.setattr(_metrics, "_times", {})
    monkeypatch.setattr(invocation, "_last_endings", [])


def new(why="first", attempts=1, seconds=0.0123456):
    return NewConnection(None, "db.test", 3306, "10.0.0.7", 1, why, attempts, seconds, {"tls": 0.001})


def written(capsys):
    out = capsys.readouterr().out
    assert out.count("\n") == bool(out)
    return json.loads(out) if out else None


def test_a_line_is_in_the_format_of_cloudwatch(capsys, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "shop")
    _metrics.opened(new(attempts=3))
    _metrics.signed()
    before = time.time() * 1000
    _metrics.write()
    line = written(capsys)
    (described,) = line["_aws"]["CloudWatchMetrics"]
    assert before - 1 <= line["_aws"]["Timestamp"] <= time.time() * 1000
    assert (described["Namespace"], described["Dimensions"]) == ("rdspool", [["FunctionName"]])
    names = {metric["Name"]: metric["Unit"] for metric in described["Metrics"]}
    assert names == {
        "Opened": "Count",
        "OpenedFirst": "Count",
        "Reused": "Count",
        "Retries": "Count",
        "TokensSigned": "Count",
        "ConnectTime": "Milliseconds",
    }
    assert {key: value for key, value in line.items() if key != "_aws"} == {
        "FunctionName": "shop",
        "Opened": 1,
        "OpenedFirst": 1,
        "Reused": 0,
        "Retries": 2,
        "TokensSigned": 1,
        "ConnectTime": [12.346],
    }


def test_there_is_no_line_where_nothing_happened_and_no_count_twice(capsys):
    _metrics.write()
    assert written(capsys) is None
    _metrics.yielded(0)
    _metrics.write()
    assert written(capsys) is None
    _metrics.yielded(2)
    _metrics.write()
    assert written(capsys)["Yielded"] == 2
    _metrics.write()
    assert written(capsys) is None


def test_each_reason_has_a_metric(capsys):
    for why in REASONS:
        _metrics.opened(new(why))
    _metrics.write()
    line = written(capsys)
    assert line["Opened"] == len(REASONS)
    described = {metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert described == {key for key in line if key not in ("_aws", "FunctionName")}
    assert {f"Opened{why.capitalize()}" for why in REASONS} <= described


def test_a_line_has_a_hundred_values_of_a_metric_at_most(capsys):
    for _ in range(150):
        _metrics.opened(new("more"))
    _metrics.write()
    line = written(capsys)
    assert (line["Opened"], len(line["ConnectTime"])) == (150, 100)


def test_the_parents_counts_are_not_the_childs(capsys):
    _metrics.opened(new())
    _metrics.forget()
    _metrics.write()
    assert written(capsys) is None


def test_checkouts_are_counted_with_a_server(capsys, database, certificates):
    made = get_engine(
        "measured",
        host="127.0.0.1",
        port=database.port,
        user="app",
        password="x",
        region="eu-west-1",
        ca=str(certificates.ca),
        metrics="emf",
    )
    assert isinstance(made.pool, _metrics.MeasuredPool)
    for _ in range(3):
        made.connect().close()
    made.dispose()
    assert isinstance(made.pool, _metrics.MeasuredPool)
    made.connect().close()
    _metrics.write()
    line = written(capsys)
    assert {name: line[name] for name in ("Opened", "OpenedFirst", "OpenedClosed", "Reused")} == {
        "Opened": 2,
        "OpenedFirst": 1,
        "OpenedClosed": 1,
        "Reused": 2,
    }
    assert (len(line["ConnectTime"]), len(line["CheckoutTime"])) == (2, 4)
    assert "TokensSigned" not in line


def test_a_connect_that_fails_is_counted(capsys):
    made = get_engine("failing", host="127.0.0.1", port=1, user="app", password="x", region="eu-west-1", metrics="emf")
    with pytest.raises(exc.OperationalError):
        made.connect()
    _metrics.write()
    assert written(capsys)["Failed"] == 1


def test_what_was_counted_before_a_snapshot_is_not_written_by_each_environment(capsys):
    get_engine("restored", host="h.test", user="app", password="x", region="eu-west-1", metrics="emf")
    _metrics.opened(new())
    engine._before_snapshot()
    _metrics.write()
    assert written(capsys) is None


def test_two_engines_count_once():
    for name in ("one", "two"):
        get_engine(f"counts{name}", host="h.test", user="app", password="x", region="eu-west-1", metrics="emf")
    assert _connect_log.watchers == [_metrics.opened]
    assert token.watchers == [_metrics.signed]


def test_the_module_is_imported_where_it_is_asked_for_only():
    program = (
        "import sys; from rdspool import get_engine; get_engine(host='h.test', user='u', region='eu-west-1'{}); "
        "print('rdspool._metrics' in sys.modules)"
    )
    for given, expected in (("", "False"), (", metrics='off'", "False"), (", metrics='emf'", "True")):
        ran = subprocess.run([sys.executable, "-c", program.format(given)], capture_output=True, text=True, check=True)
        assert ran.stdout == f"{expected}\n"


def test_the_line_comes_after_all_other_ends_of_an_invocation(monkeypatch):
    order = []
    monkeypatch.setattr(invocation, "_endings", [lambda: order.append("first")])
    invocation.at_end(lambda: order.append("last"), last=True)
    invocation.at_end(lambda: order.append("second"))
    invocation._Once()()
    assert order == ["first", "second", "last"]
