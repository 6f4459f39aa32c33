"""The Terraform example: its format, its own tests with a mocked provider, and an apply to an AWS API on this machine, whose function then runs."""

from __future__ import annotations

import json
import re
import sys

import attach_account as account
import attach_terraform as terraform
import attach_tools as tools
import pytest
from attach_run import assert_runs
from attach_template import PARAMETER, REGION, check_no_secret


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return terraform.initialised(tmp_path_factory.mktemp("terraform"))


@pytest.fixture(scope="module")
def api():
    with account.start() as running:
        yield running


def test_the_format_is_terraforms_own():
    terraform.run(tools.EXAMPLES / "terraform", "fmt", "-check", "-diff", "-recursive")


def test_it_is_valid(work):
    assert "The configuration is valid" in terraform.run(work, "validate")


def test_its_own_tests_pass(work):
    printed = terraform.run(work, "test")
    runs = len(re.findall(r"^run ", (work / "tests" / "attach.tftest.hcl").read_text(), re.MULTILINE))
    assert f"{runs} passed, 0 failed" in printed


def test_its_own_tests_can_fail(work, tmp_path):
    broken = terraform.initialised(tmp_path)
    main = broken / "rdspool" / "main.tf"
    main.write_text(main.read_text().replace('"${var.database_resource_id}/${var.database_user}"', '"*/${var.database_user}"'))
    assert "The role may do more than connect" in terraform.run(broken, "test", expect=1)


def test_the_values_that_readers_copy_are_valid(work, api):
    files = ("-var-file=terraform.tfvars.example", "-var=package=main.tf")
    assert "Plan: 8 to add" in terraform.run(work, "plan", "-input=false", *files, **api.variables())


def test_no_secret_is_in_it():
    for file in (tools.EXAMPLES / "terraform").rglob("*.tf*"):
        check_no_secret(file.read_text())


def test_apply_run_and_destroy(work, api, database, layer_of):
    layers = [api.publish_layer(), api.publish_layer()]
    api.client("ssm").put_parameter(Name=PARAMETER, Value=layers[1], Type="String")
    values = {
        **api.network(),
        "database_host": database.front.host,
        "database_port": database.front.port,
        "database_name": database.database,
        "database_user": database.user,
        "database_resource_id": "cluster-ABCDEFGHIJKL01234",
    }
    group = values["database_security_group_id"]
    (work / "terraform.tfvars.json").write_text(json.dumps(values))
    (work / "build").mkdir()
    tools.run(sys.executable, "-m", "zipfile", "-c", "build/function.zip", "../connection_id/handler.py", cwd=work)
    options = ("-input=false", "-auto-approve")

    terraform.run(work, "apply", *options, **api.variables())
    (function,) = api.functions()
    assert [each["Arn"] for each in function["Layers"]] == [layers[1]]
    user = f"arn:aws:rds-db:{REGION}:{api.number}:dbuser:cluster-ABCDEFGHIJKL01234/{database.user}"
    assert api.statements(function) == [{"Effect": "Allow", "Action": "rds-db:connect", "Resource": user}]
    assert api.admitted(group) == [(function["VpcConfig"]["SecurityGroupIds"][0], database.front.port)]
    assert_runs(database, layer_of, work / "build" / "function.zip", function, function["Environment"]["Variables"])

    terraform.run(work, "apply", *options, f"-var=layer_arn={layers[0]}", **api.variables())
    (function,) = api.functions()
    assert [each["Arn"] for each in function["Layers"]] == [layers[0]]

    assert "Destroy complete! Resources: 8 destroyed." in terraform.run(work, "destroy", *options, **api.variables())
    assert api.functions() == []
    assert api.admitted(group) == []
