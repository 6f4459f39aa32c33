"""The example with the dashboard and the alarms: cfn-lint has nothing to say, and it names the metrics that there are, all of them."""

from __future__ import annotations

import json
import re

import attach_tools as tools
import pytest
from rdspool._metrics import DIMENSION, NAMESPACE, UNITS

TEMPLATE = tools.EXAMPLES / "observability" / "template.yaml"


@pytest.fixture(scope="module")
def text():
    return TEMPLATE.read_text()


@pytest.fixture(scope="module")
def dashboard(text):
    """The dashboard's widgets, as CloudFormation would make them of the template."""
    body = re.search(r"DashboardBody: !Sub \|\n(.*?)\nOutputs:", text, re.DOTALL)[1]
    return json.loads(body.replace("${AWS::Region}", "eu-central-1").replace("${FunctionName}", "shop"))["widgets"]


def test_the_linter_has_nothing_to_say():
    tools.lint(TEMPLATE, include="I")


def test_the_dashboard_shows_every_metric(dashboard):
    rows = [row for widget in dashboard for row in widget["properties"]["metrics"] if isinstance(row[0], str)]
    assert {tuple(row[:1] + row[2:4]) for row in rows} == {(NAMESPACE, DIMENSION, "shop")}
    assert {row[1] for row in rows} == set(UNITS)


def test_no_widget_lies_on_another(dashboard):
    seen = set()
    for widget in dashboard:
        cells = {
            (x, y) for x in range(widget["x"], widget["x"] + widget["width"]) for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not seen & cells
        assert max(x for x, _ in cells) < 24
        seen |= cells


def test_the_alarms_watch_metrics_that_there_are(text):
    alarms = text.partition("  Dashboard:")[0]
    named = re.findall(r"MetricName: (\w+)", alarms)
    assert set(named) == {"Failed", "ConnectTime", "OpenedLost", "OpenedFailover"}
    assert set(named) <= set(UNITS)
    assert set(re.findall(r"Namespace: (\w+)", alarms)) == {NAMESPACE}
    assert set(re.findall(r"\{Name: (\w+), Value: !Ref FunctionName\}", alarms)) == {DIMENSION}
    assert alarms.count("TreatMissingData: notBreaching") == alarms.count("AWS::CloudWatch::Alarm") == 3
