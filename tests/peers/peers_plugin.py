"""Points other people's suites at the driver and the server that the environment names, and writes down how each test ended.

PEERS_TARGET is JSON: `suite`, `driver`, `url` (SQLAlchemy's), `connect` (the driver's own options) and `schemas`, the databases. With its password it belongs on no
command line. PEERS_RESULTS names a file. The folder of this file is on the path, and not `tests`: Alembic has a package of that name.
"""

import json
import os
import re
from pathlib import Path

import pytest
import shim

TARGET = json.loads(os.environ["PEERS_TARGET"])
PEERS = {"pymysql": "pymysql", "mysqlclient": "MySQLdb"}
"""The module that each peer's suite imports."""
WORSE = ("passed", "xfailed", "skipped", "failed")
_outcomes = {}
_reasons = {}


def _name(node):
    """Return a test's name without the folder, and without the dialect and version that SQLAlchemy's plugin puts into it."""
    file, separator, test = node.partition("::")
    return re.sub(r"_(mysql|mariadb)\+[a-z]+_[0-9_]+", "", file.rpartition("/")[2] + separator + test)


def _note(report):
    name = _name(report.nodeid)
    outcome = report.outcome
    if hasattr(report, "wasxfail") and outcome == "skipped":
        outcome = "xfailed"  # a failure that the suite itself expects
    if WORSE.index(outcome) >= WORSE.index(_outcomes.get(name, "passed")):
        _outcomes[name] = outcome
    if outcome == "failed":
        crash = getattr(report.longrepr, "reprcrash", None)
        _reasons.setdefault(name, (crash.message if crash else str(report.longrepr)).strip())


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        _note(report)


def pytest_collectreport(report):
    if report.outcome != "passed":
        _note(report)


def pytest_sessionfinish():
    Path(os.environ["PEERS_RESULTS"]).write_text(json.dumps({"outcomes": _outcomes, "reasons": _reasons}))


# -- Alembic, PyMySQL, mysqlclient -------------------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    if TARGET["suite"] == "alembic":
        config.option.dburi = [TARGET["url"]]
    elif TARGET["suite"] in PEERS:
        shim.install(PEERS[TARGET["suite"]], TARGET["driver"], TARGET["connect"])
        if TARGET["suite"] == "pymysql":
            shim.seat_tests(config.rootpath, [{"user": TARGET["connect"]["user"], "db": name} for name in TARGET["schemas"]])


# -- pandas -----------------------------------------------------------------------------------------------------------------------------


def _engine(_):
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    # As pandas' own: it has PyMySQL take several statements at once. mysqlconnector does so unasked.
    options = {"multi_statements": True} if TARGET["driver"] == "rdspool" else {}
    return create_engine(TARGET["url"], connect_args=options, poolclass=NullPool)


def _iris(request):
    """Write a table of the size that the tests count: 150 flowers, of which eight are the ones that they ask for."""
    rows = [f"5.1,3.5,1.4,0.{number},Iris-setosa" for number in range(2, 10)]
    rows += [f"{4 + number / 50:.2f},3.0,4.5,1.5,Iris-{('versicolor', 'virginica')[number % 2]}" for number in range(142)]
    path = request.getfixturevalue("tmp_path_factory").mktemp("iris") / "iris.csv"
    path.write_text("\n".join(["SepalLength,SepalWidth,PetalLength,PetalWidth,Name", *rows, ""]))
    return path


FIXTURES = {"_mysql_pymysql_engine": _engine, "iris_path": _iris}
"""Fixtures of pandas' module that are replaced: its engine, and a file of data that its wheel leaves out."""


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef, request):
    if TARGET["suite"] != "pandas" or fixturedef.argname not in FIXTURES:
        return None
    value = FIXTURES[fixturedef.argname](request)
    fixturedef.cached_result = (value, fixturedef.cache_key(request), None)
    return value
