"""The application for the Serverless Application Repository: as cfn-lint and sam see it, and which layer CloudFormation makes of it."""

from __future__ import annotations

import hashlib
import json
import sys

import attach_examples as examples
import attach_tools as tools
import pytest
from attach_template import Template
from publishing import RELEASE, build, client

from layer import matrix
from layer.publishing.stages import stage

SITE = "https://code.example/owner/rdspool"


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    """Return the application's folder. The zips are small ones: nothing here looks inside."""
    folder = tmp_path_factory.mktemp("sar")
    build(folder / "dist", *matrix.targets())
    command = [sys.executable, "-m", "layer", "sar", "--dist", folder / "dist", "--output", folder / "dist" / "sar", "--site", SITE]
    done = tools.run(*map(str, command), cwd=matrix.PROJECT)
    assert done.stdout == f"{folder / 'dist' / 'sar' / 'template.json'}\n"
    return folder / "dist" / "sar"


def test_the_linters_have_nothing_to_say(tmp_path, application):
    tools.lint(application / "template.json", include="I")
    validated = tools.run(tools.python(), "-m", "samcli", "validate", "--lint", "--template", application / "template.json", cwd=tmp_path)
    assert "is a valid SAM Template" in validated.stdout
    tools.lint(examples.transformed(application / "template.json", tmp_path))


def test_each_python_and_architecture_of_the_matrix_gives_its_layer(tmp_path, application):
    content = json.loads(examples.transformed(application / "template.json", tmp_path).read_text())
    names = set()
    for target in matrix.targets():
        template = Template(content, {"Python": target.python, "Architecture": target.architecture})
        name, layer = template.only("AWS::Lambda::LayerVersion")
        assert layer["LayerName"] == stage("prod").layer(target)
        assert (layer["CompatibleRuntimes"], layer["CompatibleArchitectures"]) == ([target.runtime], [target.architecture])
        assert template.value(content["Outputs"]["LayerVersionArn"]["Value"]) == name
        assert template.resources[name]["DeletionPolicy"] == "Retain"
        names.add(name)
    assert len(names) == len(matrix.targets())
    parameters = json.loads((application / "template.json").read_text())["Parameters"]
    assert [each["AllowedValues"] for each in parameters.values()] == [matrix.names("python"), matrix.names("architecture")]


def test_sam_packages_each_zip_and_what_the_repository_asks_for(aws, tmp_path, application):
    """sam uploads them to the S3 of this machine, from which `sam publish` names them."""
    s3 = client(aws, "s3", "us-east-1")
    s3.create_bucket(Bucket="applications")
    command = ["-m", "samcli", "package", "--template-file", application / "template.json", "--s3-bucket", "applications"]
    packaged = tmp_path / "packaged.json"
    options = ["--use-json", "--output-template-file", packaged, "--region", "us-east-1"]
    tools.run(tools.python(), *command, *options, cwd=tmp_path, **aws.variables())
    content = json.loads(packaged.read_text())

    def uploaded(address: str) -> bytes:
        bucket, _, key = address.removeprefix("s3://").partition("/")
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    sums = {hashlib.sha256(uploaded(each["Properties"]["ContentUri"])).hexdigest() for each in content["Resources"].values()}
    assert sums == {hashlib.sha256(path.read_bytes()).hexdigest() for path in application.parent.glob("*.zip")}
    about = content["Metadata"]["AWS::ServerlessRepo::Application"]
    assert (about["Name"], about["SemanticVersion"], about["SourceCodeUrl"]) == ("rdspool", RELEASE, f"{SITE}/tree/v{RELEASE}")
    assert uploaded(about["LicenseUrl"]) == (matrix.PROJECT / "LICENSE").read_bytes()
    assert uploaded(about["ReadmeUrl"]) == (application / "README.md").read_bytes()


def test_a_layer_that_is_missing_is_an_error(tmp_path):
    build(tmp_path, *matrix.targets()[1:])
    command = [sys.executable, "-m", "layer", "sar", "--dist", str(tmp_path), "--output", str(tmp_path / "sar")]
    done = tools.run(*command, cwd=matrix.PROJECT, expect=1)
    assert f"{matrix.targets()[0].name}.zip is missing: build it with ./build.sh" in done.stderr
    assert not (tmp_path / "sar").exists()
