"""Metrics and log lines of a function in a Lambda environment, alone and beside Powertools' Logger and Metrics."""

from __future__ import annotations

import json
import shutil

import observing
import pytest

HANDLER = """
from rdspool import get_engine
from sqlalchemy import text

engine = get_engine()


def handler(event, context):
    for _ in range(event["checkouts"]):
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    return "done"
"""
BESIDE_POWERTOOLS = """
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging import utils
from aws_lambda_powertools.metrics import MetricUnit
from rdspool import get_engine
from sqlalchemy import text

logger = Logger(service="shop")
metrics = Metrics(namespace="Shop", service="shop")
engine = get_engine()
utils.copy_config_to_registered_loggers(logger, include={"rdspool"})


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event, context):
    logger.info("begun")
    for _ in range(event["checkouts"]):
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        metrics.add_metric(name="Orders", unit=MetricUnit.Count, value=1)
    logger.info("done")
    return "done"
"""


@pytest.fixture
def environment(start_environment, tmp_path):
    """Return a function that starts an environment with the layer attached."""

    def start(code=HANDLER, *packages, **variables):
        (tmp_path / "handler.py").write_text(code)
        for name in packages:
            shutil.copytree(observing.packages() / name, tmp_path / name)
        return start_environment(tmp_path, **variables)

    return start


def metrics_of(invocation):
    assert invocation.error is None
    lines = [json.loads(line) for line in invocation.logs if line.startswith("{")]
    return [line for line in lines if "_aws" in line and line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "rdspool"]


def counts(line):
    return {name: value for name, value in line.items() if isinstance(value, int)}


def test_one_line_for_an_invocation_that_used_the_database(environment):
    running = environment(RDSPOOL_METRICS="emf")
    (first,) = metrics_of(running.invoke({"checkouts": 2}))
    assert counts(first) == {"Opened": 1, "OpenedFirst": 1, "Reused": 1, "TokensSigned": 1}
    assert len(first["ConnectTime"]) == 1
    assert len(first["CheckoutTime"]) == 2
    assert first["FunctionName"]
    (second,) = metrics_of(running.invoke({"checkouts": 3}))
    assert counts(second) == {"Opened": 0, "Reused": 3}
    assert metrics_of(running.invoke({"checkouts": 0})) == []


def test_off_by_default(environment):
    assert metrics_of(environment().invoke({"checkouts": 1})) == []


def test_connections_that_are_given_back_are_counted_in_their_own_invocation(environment):
    running = environment(RDSPOOL_METRICS="emf", RDSPOOL_CONNECTIONS="yield")
    (first,) = metrics_of(running.invoke({"checkouts": 1}))
    (second,) = metrics_of(running.invoke({"checkouts": 1}))
    assert first["Yielded"] == second["Yielded"] == 1
    assert counts(second) == {"Opened": 1, "OpenedYield": 1, "Reused": 0, "Yielded": 1}


def test_a_connection_made_during_init_is_in_the_first_line(environment):
    (first,) = metrics_of(environment(RDSPOOL_METRICS="emf", RDSPOOL_CONNECT="init").invoke({"checkouts": 1}))
    assert counts(first) == {"Opened": 1, "OpenedFirst": 1, "Reused": 0, "TokensSigned": 1}


def test_beside_powertools_each_line_is_whole(environment):
    """Its Logger writes rdspool's line as JSON, with the fields; its Metrics have a line of their own, in their own namespace."""
    running = environment(
        BESIDE_POWERTOOLS,
        "aws_lambda_powertools",
        "jmespath",
        RDSPOOL_METRICS="emf",
        RDSPOOL_LOG_CONNECTS="info",
        POWERTOOLS_LOG_LEVEL="INFO",
    )
    invocation = running.invoke({"checkouts": 2})
    (ours,) = metrics_of(invocation)
    assert counts(ours) == {"Opened": 1, "OpenedFirst": 1, "Reused": 1, "TokensSigned": 1}
    lines = [json.loads(line) for line in invocation.logs if line.startswith("{")]
    (theirs,) = [
        line for line in lines if "_aws" in line and line is not ours and line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Shop"
    ]
    assert theirs["Orders"] == [1.0, 1.0]
    assert not {"Opened", "Reused"} & theirs.keys()
    assert "Orders" not in ours
    logged = [line for line in lines if "_aws" not in line]
    assert [line["message"] for line in logged if line["message"] in ("begun", "done")] == ["begun", "done"]
    (connect,) = [line for line in logged if str(line["message"]).startswith("new connection")]
    assert connect["service"] == "shop"
    assert connect["rdspool_connect"]["why"] == "first"
    assert set(connect["rdspool_connect"]["steps"]) == {"credentials", "name", "tcp", "greeting", "tls", "sign-in", "set-up"}
