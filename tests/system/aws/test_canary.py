"""`canary`: a published layer is tried by a function in a Lambda environment, with a real database and without one."""

from __future__ import annotations

import json
import zipfile

import pytest
from layers import HERE, MACHINE
from publishing import REGION, Done, build, client, run

from layer import matrix
from layer.building import archive
from local.aws import Call, Refuse
from local.endpoint import CA

TARGET = matrix.target(HERE, MACHINE)
ONE = ["--python", HERE, "--arch", MACHINE]


@pytest.fixture
def role(aws) -> str:
    client(aws, "iam", REGION).create_role(RoleName="canary", AssumeRolePolicyDocument="{}")
    return f"arn:aws:iam::{aws.account}:role/canary"


@pytest.fixture
def publish(aws, tmp_path):
    """Return a function that publishes the layer in a folder and returns the report's file and the ARN."""

    def publish(folder):
        report = tmp_path / "beta.json"
        command = ["publish", "--stage", "beta", "--regions", REGION, *ONE, "--no-inspect", "--dist", folder, "--yes", "--report", report]
        done = run(aws, *command)
        assert done.returncode == 0, done.stderr
        return report, done.stdout.strip()

    return publish


@pytest.fixture
def canary(aws, role):
    """Return a function that runs the command, after which no function is left."""

    def canary(report, *more: str) -> Done:
        done = run(aws, "canary", "--from", report, "--region", REGION, "--role", role, *more)
        assert client(aws, "lambda", REGION).list_functions()["Functions"] == []
        return done

    return canary


def functions_reach(aws, database) -> list[str]:
    """Let functions reach the database, and return the options that name it."""
    front = database.front
    aws.functions(hosts={front.host: front.address}, files={CA: front.ca_file}, credentials=database.credentials)
    variables = database.variables(CA) | {"RDSPOOL_REGION": front.region}
    return [option for name, value in variables.items() for option in ("--set", f"{name}={value}")]


def test_a_layer_signs_in_to_a_database_with_the_role_of_its_function_and_keeps_its_connection(aws, layer_of, database, publish, canary):
    report, arn = publish(layer_of().parent)
    database.front.reset()
    done = canary(report, *functions_reach(aws, database))
    assert (done.returncode, done.stdout) == (0, f"passed\t{arn}\n"), done.stderr
    assert [connection.sign_in for connection in database.front.connections()] == ["iam"]
    assert [len(aws.calls(name)) for name in ("CreateFunction", "Invoke", "DeleteFunction")] == [1, 2, 1]


def test_without_a_database_it_imports_makes_its_engine_and_says_that_the_host_does_not_exist(aws, layer_of, publish, canary):
    report, arn = publish(layer_of().parent)
    done = canary(report)
    assert (done.returncode, done.stdout) == (0, f"passed\t{arn}\n"), done.stderr


def test_a_database_that_refuses_the_function_is_a_failure(aws, layer_of, database, publish, canary):
    report, arn = publish(layer_of().parent)
    options = functions_reach(aws, database)
    done = canary(report, *options, "--set", "RDSPOOL_USER=nobody")
    assert (done.returncode, done.stdout) == (1, f"failed\t{arn}\n")
    assert "the first invocation failed: " in done.stderr
    assert "Access denied for user 'nobody'" in done.stderr


def test_a_layer_that_cannot_be_imported_is_a_failure(aws, tmp_path, publish, canary):
    report, arn = publish(build(tmp_path / "dist", TARGET))
    done = canary(report)
    assert (done.returncode, done.stdout) == (1, f"failed\t{arn}\n")
    assert "the first invocation failed: " in done.stderr
    assert "the second invocation failed: " in done.stderr


def test_a_layer_whose_sources_are_compiled_at_each_start_is_a_failure(aws, layer_of, tmp_path, publish, canary):
    dist = build(tmp_path / "dist", TARGET)
    path = dist / f"{TARGET.name}.zip"
    with zipfile.ZipFile(layer_of()) as whole, zipfile.ZipFile(path, "w") as without:
        for entry in whole.infolist():
            if not entry.filename.startswith("python/rdspool/") or not entry.filename.endswith(".pyc"):
                without.writestr(entry, whole.read(entry.filename))
    manifest = path.with_suffix(".json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"code_sha256": archive.code_sha256(path.read_bytes())}))
    report, _ = publish(dist)
    done = canary(report)
    assert done.returncode == 1
    assert "the first invocation compiled " in done.stderr
    assert "such as /opt/python/rdspool/" in done.stderr


def test_what_aws_refuses_is_reported_and_the_function_is_deleted(aws, tmp_path, publish, canary):
    report, arn = publish(build(tmp_path / "dist", TARGET))
    for operation, code in (("CreateFunction", "AccessDeniedException"), ("Invoke", "TooManyRequestsException")):
        aws.fault(when=Call(operation=operation), do=Refuse(429 if operation == "Invoke" else 403, code, "no"))
        done = canary(report)
        assert (done.returncode, done.stdout) == (1, f"failed\t{arn}\n")
        assert f"lambda:{operation}" in done.stderr
    assert len(aws.calls("DeleteFunction")) == 1


def test_reports_that_have_nothing_in_the_region_and_wrong_variables_are_errors(aws, tmp_path, publish, role):
    report, _ = publish(build(tmp_path / "dist", TARGET))
    done = run(aws, "canary", "--from", report, "--region", "us-east-1", "--role", role)
    assert done.returncode == 1
    assert "the reports have no version in us-east-1: name a region that they have with --region" in done.stderr
    done = run(aws, "canary", "--from", report, "--region", REGION, "--role", role, "--set", "RDSPOOL_HOST")
    assert done.returncode == 1
    assert "--set RDSPOOL_HOST is not NAME=VALUE" in done.stderr
