"""What each example's tool makes of it: the template that would be deployed, and the function's package."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import attach_tools as tools
from attach_template import REGION, Template

from local.environment.interpreter import interpreter

CONTEXT = {
    "DatabaseHost": "database_host",
    "DatabasePort": "database_port",
    "DatabaseName": "database_name",
    "DatabaseUser": "database_user",
    "DatabaseResourceId": "database_resource_id",
    "VpcId": "vpc_id",
    "SubnetIds": "subnet_ids",
    "DatabaseSecurityGroupId": "database_security_group_id",
    "LayerArn": "layer_arn",
    "LayerParameter": "layer_parameter",
    "MaximumConcurrency": "maximum_concurrency",
}
TRANSLATE = """
import json, sys
import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

# What the transform in AWS gets of the account; it refuses a local folder as a package's place.
managed = {"AWSLambdaVPCAccessExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"}
template = yaml_parse(sys.stdin.read())
for resource in template["Resources"].values():
    for name in ("CodeUri", "ContentUri"):
        if name in resource["Properties"]:
            resource["Properties"][name] = {"Bucket": "bucket", "Key": "key"}
translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=sys.argv[1]))
print(json.dumps(translator.translate(template, parameter_values={}, get_managed_policy_map=lambda: managed)))
"""


@dataclass(frozen=True)
class Built:
    """`content` is the CloudFormation template in `file`, `task` the function's package, a folder or a zip."""

    file: Path
    content: dict[str, Any]
    task: Path

    def with_values(self, values: Mapping[str, str]) -> Template:
        return Template(self.content, values)


def sam(folder: Path) -> Built:
    """Run `sam build`, then the SAM transform, as AWS does it at deployment, and return what they made."""
    work = tools.checkout(folder, "sam") / "sam"
    # sam takes the function's Python from the PATH.
    programs = folder / "bin"
    programs.mkdir()
    (programs / "python3.13").symlink_to(interpreter("3.13").executable)
    tools.run(tools.python(), "-m", "samcli", "build", cwd=work, PATH=f"{programs}:{tools.environ({})['PATH']}")
    built = work / ".aws-sam" / "build" / "template.yaml"
    file = transformed(built, folder)
    return Built(file, json.loads(file.read_text()), built.parent / "Function")


def transformed(template: Path, folder: Path) -> Path:
    """Return the file in `folder` with what the SAM transform makes of a template."""
    file = folder / "transformed.json"
    file.write_text(tools.run(tools.python(), "-c", TRANSLATE, REGION, cwd=folder, stdin=template.read_text()).stdout)
    return file


def cdk(folder: Path, values: Mapping[str, str], *, command_line: bool) -> Built:
    """Run `cdk synth`, or the app alone as `python app.py`, and return what it made."""
    tools.node()
    work = tools.checkout(folder, "cdk") / "cdk"
    context = {CONTEXT[name]: value for name, value in values.items()}
    if command_line:
        options = [word for key, value in context.items() for word in ("-c", f"{key}={value}")]
        program = tools.node_modules("cdk") / ".bin" / "cdk"
        tools.run(program, "synth", "--app", f"{tools.python()} app.py", "--quiet", "--output", "out", *options, cwd=work)
    else:
        tools.run(tools.python(), "app.py", cwd=work, CDK_CONTEXT_JSON=json.dumps(context), CDK_OUTDIR="out")
    (file,) = (work / "out").glob("*.template.json")
    (task,) = (each for each in (work / "out").glob("asset.*") if each.is_dir())
    return Built(file, json.loads(file.read_text()), task)


def serverless(folder: Path, values: Mapping[str, str], *, expect: int = 0) -> Built:
    """Run `serverless package` and return what it made."""
    work = tools.checkout(folder, "serverless") / "serverless"
    tools.run(tools.node_modules("serverless") / ".bin" / "serverless", "package", *params(values), cwd=work, expect=expect)
    file = work / ".serverless" / "cloudformation-template-update-stack.json"
    return Built(file, json.loads(file.read_text()), work / ".serverless" / "rdspool-connection-id.zip")


def params(values: Mapping[str, str]) -> list[str]:
    """Return the options of the Serverless Framework for these values."""
    by = {"layerBy": "arn"} if "LayerArn" in values else {}
    return [f"--param={name[0].lower()}{name[1:]}={value}" for name, value in (values | by).items()]


def zipped(folder: Path) -> Path:
    """Return the function's zip, as examples/terraform/README.md has it made."""
    work = tools.checkout(folder, "terraform") / "terraform"
    (work / "build").mkdir()
    tools.run(sys.executable, "-m", "zipfile", "-c", "build/function.zip", "../connection_id/handler.py", cwd=work)
    return work / "build" / "function.zip"


def files(task: Path) -> list[str]:
    """Return the files of a package, a folder or a zip."""
    if task.is_dir():
        return sorted(str(path.relative_to(task)) for path in task.rglob("*") if path.is_file())
    with zipfile.ZipFile(task) as archive:
        return sorted(archive.namelist())
