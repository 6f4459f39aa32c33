"""The Serverless Framework example: the CloudFormation template and the package that it makes without AWS."""

from __future__ import annotations

import zipfile

import attach_examples as examples
import attach_tools as tools
import pytest
from attach_template import LAYER, PARAMETER, VALUES, check, check_no_secret


@pytest.fixture(scope="module")
def by_arn(tmp_path_factory):
    return examples.serverless(tmp_path_factory.mktemp("serverless"), {**VALUES, "LayerArn": LAYER})


@pytest.fixture(scope="module")
def by_parameter(tmp_path_factory):
    return examples.serverless(tmp_path_factory.mktemp("serverless"), VALUES)


def test_the_linter_has_nothing_to_say(by_arn, by_parameter):
    tools.lint(by_arn.file, by_parameter.file)


def test_the_layer_by_its_arn(by_arn):
    check(by_arn.with_values({}), layer=LAYER)
    assert by_arn.content["Parameters"]["Layer"]["Type"] == "String"


def test_the_layer_by_its_parameter(by_parameter):
    check(by_parameter.with_values({}), layer=f"ssm:{PARAMETER}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DatabaseUser", "*"),
        ("DatabaseResourceId", "*"),
        ("DatabaseHost", "mysql://host:3306"),
        ("SubnetIds", "subnet-1, subnet-2"),
        ("Layer", LAYER.rpartition(":")[0]),
    ],
)
def test_a_pattern_or_a_wrong_value_is_refused(by_arn, name, value):
    with pytest.raises(ValueError, match=name):
        by_arn.with_values({name: value})


def test_a_parameter_that_is_missing_is_named(tmp_path):
    work = tools.checkout(tmp_path, "serverless") / "serverless"
    done = tools.run(tools.node_modules("serverless") / ".bin" / "serverless", "package", cwd=work, expect=1)
    assert "databaseHost" in done.stdout + done.stderr


def test_the_package_is_the_function_and_no_secret(by_arn):
    assert examples.files(by_arn.task) == ["connection_id/handler.py"]
    with zipfile.ZipFile(by_arn.task) as archive:
        assert archive.read("connection_id/handler.py") == (tools.EXAMPLES / "connection_id" / "handler.py").read_bytes()
    for file in ("serverless.yml", "layer.yml"):
        check_no_secret((tools.EXAMPLES / "serverless" / file).read_text())
