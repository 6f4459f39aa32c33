"""The AWS SAM example: its template as cfn-lint and sam see it, and what CloudFormation would make of it."""

from __future__ import annotations

import attach_examples as examples
import attach_tools as tools
import pytest
from attach_template import LAYER, PARAMETER, VALUES, check, check_no_secret


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return examples.sam(tmp_path_factory.mktemp("sam"))


def test_the_linters_have_nothing_to_say(tmp_path, built):
    work = tools.checkout(tmp_path, "sam") / "sam"
    tools.lint(work / "template.yaml", include="I")
    assert "is a valid SAM Template" in tools.run(tools.python(), "-m", "samcli", "validate", "--lint", cwd=work).stdout
    # What the transform makes is AWS's own: no hints on that.
    tools.lint(built.file)


def test_the_layer_by_its_arn(built):
    check(built.with_values({**VALUES, "LayerArn": LAYER}), layer=LAYER)


def test_the_layer_by_its_parameter(built):
    check(built.with_values(VALUES), layer=f"ssm:{PARAMETER}")
    release = "/rdspool/python3.13/x86_64/0.1.0"
    check(built.with_values({**VALUES, "LayerParameter": release}), layer=f"ssm:{release}")


def test_no_bound_where_none_is_wanted(built):
    check(built.with_values({**VALUES, "LayerArn": LAYER, "MaximumConcurrency": "-1"}), layer=LAYER, concurrency=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DatabaseUser", "*"),
        ("DatabaseUser", "app*"),
        ("DatabaseUser", "app/other"),
        ("DatabaseResourceId", "*"),
        ("DatabaseResourceId", "cluster-*"),
        ("DatabaseHost", "mysql://host:3306"),
        ("LayerArn", LAYER.rpartition(":")[0]),
    ],
)
def test_a_pattern_or_a_wrong_value_is_refused(built, name, value):
    with pytest.raises(ValueError, match=name):
        built.with_values({**VALUES, name: value})


def test_the_package_is_the_function_and_no_secret(built):
    assert "handler.py" in examples.files(built.task)
    assert (built.task / "handler.py").read_bytes() == (tools.EXAMPLES / "connection_id" / "handler.py").read_bytes()
    check_no_secret((tools.EXAMPLES / "sam" / "template.yaml").read_text())
