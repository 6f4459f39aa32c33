"""The packages that SAM, CDK and the Serverless Framework make, run with the layer and the variables that their templates give them."""

from __future__ import annotations

import attach_examples as examples
import pytest
from attach_run import assert_runs
from attach_template import LAYER, VALUES


@pytest.fixture
def values(database):
    """Return the parameters that name the local database."""
    where = {"DatabaseHost": database.front.host, "DatabasePort": str(database.front.port)}
    return {**VALUES, **where, "DatabaseUser": database.user, "DatabaseName": database.database, "LayerArn": LAYER}


def test_the_package_of_sam_runs(tmp_path, database, layer_of, values):
    built = examples.sam(tmp_path)
    template = built.with_values(values)
    assert_runs(database, layer_of, built.task, template.function(), template.variables())


def test_the_package_of_cdk_runs(tmp_path, database, layer_of, values):
    built = examples.cdk(tmp_path, values, command_line=False)
    template = built.with_values({})
    assert_runs(database, layer_of, built.task, template.function(), template.variables())


def test_the_package_of_the_serverless_framework_runs(tmp_path, database, layer_of, values):
    built = examples.serverless(tmp_path, values)
    template = built.with_values({})
    assert_runs(database, layer_of, built.task, template.function(), template.variables())
