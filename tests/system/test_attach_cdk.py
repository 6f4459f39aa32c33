"""The CDK example: synthesized by the command line and by the app alone."""

from __future__ import annotations

import importlib.util
import json
import re
import sys

import attach_examples as examples
import attach_tools as tools
import pytest
from attach_template import LAYER, PARAMETER, VALUES, check, check_no_secret

# aws_cdk.assertions on the stack itself, with a command line of its own since aws-cdk-lib is not in the tests' environment.
ASSERTIONS = """
import json, sys
from aws_cdk import App
from aws_cdk.assertions import Match, Template
from stack import ConnectionId
from values import Values

context = json.loads(sys.argv[1])
template = Template.from_stack(ConnectionId(App(), "tested", values=Values.of(context.get)))
template.resource_count_is("AWS::Lambda::Function", 1)
template.has_resource_properties("AWS::Lambda::Function", {"Layers": [context["layer_arn"]], "ReservedConcurrentExecutions": Match.absent()})
template.has_resource_properties("AWS::Lambda::Function", {"VpcConfig": {"SubnetIds": context["subnet_ids"].split(",")}})
template.has_resource_properties("AWS::IAM::Policy", {"PolicyDocument": {"Statement": [Match.object_like({"Action": "rds-db:connect"})]}})
template.has_parameter("BootstrapVersion", Match.any_value())
assert len(template.find_parameters("*")) == 1, "no SSM parameter is read where the ARN is given"
"""

# The construct alone, for another Python and architecture than the example's.
CONSTRUCT = """
from aws_cdk import App, Stack
from aws_cdk import aws_ec2 as ec2, aws_lambda as lambda_
from aws_cdk.assertions import Match, Template
from database_access import DatabaseAccess

stack = Stack(App(), "tested")
vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id="vpc-0123456789abcdef0", availability_zones=["a"])
given = dict(
    vpc=vpc, runtime=lambda_.Runtime.PYTHON_3_12, architecture=lambda_.Architecture.ARM_64, database_host="h", database_name="app",
    database_resource_id="cluster-ABC", database_security_group_id="sg-0123456789abcdef0", database_port=3307,
)
try:
    DatabaseAccess(stack, "Pattern", database_user="*", **given)
except ValueError as error:
    assert "cluster-ABC/* is a pattern" in str(error), error
else:
    raise AssertionError("a pattern is taken for a user")
access = DatabaseAccess(stack, "Database", database_user="app", **given)
function = lambda_.Function(
    stack, "Function", code=lambda_.Code.from_inline("def handler(event, context): pass"), handler="index.handler", runtime=given["runtime"],
    layers=[access.layer], environment=access.environment,
)
access.grant_connect(function)
template = Template.from_stack(stack)
(parameter,) = [name for name, each in template.find_parameters("*").items() if "/rdspool/" in each["Default"]]
template.has_parameter(parameter, {"Default": "/rdspool/python3.12/arm64/latest"})
variables = {"RDSPOOL_HOST": "h", "RDSPOOL_PORT": "3307", "RDSPOOL_USER": "app", "RDSPOOL_DATABASE": "app"}
template.has_resource_properties("AWS::Lambda::Function", {"Layers": [{"Ref": parameter}], "Environment": {"Variables": variables}})
arn = {"Fn::Join": ["", Match.array_with([Match.string_like_regexp(":dbuser:cluster-ABC/app$")])]}
statement = {"Action": "rds-db:connect", "Effect": "Allow", "Resource": arn}
template.has_resource_properties("AWS::IAM::Policy", {"PolicyDocument": {"Statement": [statement]}})
rule = {"GroupId": "sg-0123456789abcdef0", "FromPort": 3307, "ToPort": 3307}
template.has_resource_properties("AWS::EC2::SecurityGroupIngress", rule)
template.resource_count_is("AWS::EC2::SecurityGroup", 1)
"""


@pytest.fixture(scope="module")
def by_arn(tmp_path_factory):
    return examples.cdk(tmp_path_factory.mktemp("cdk"), {**VALUES, "LayerArn": LAYER}, command_line=False)


@pytest.fixture(scope="module")
def by_parameter(tmp_path_factory):
    return examples.cdk(tmp_path_factory.mktemp("cdk"), VALUES, command_line=True)


def test_the_linter_has_nothing_to_say(by_arn, by_parameter):
    # CDK itself writes a dependency on the role beside the reference to it.
    tools.lint(by_arn.file, by_parameter.file, ignore="W3005")


def test_the_layer_by_its_arn(by_arn):
    check(by_arn.with_values({}), layer=LAYER)
    assert PARAMETER not in json.dumps(by_arn.content)


def test_the_layer_by_its_parameter(by_parameter):
    check(by_parameter.with_values({}), layer=f"ssm:{PARAMETER}")


def test_the_stack_by_cdks_own_assertions(tmp_path):
    tools.node()
    work = tools.checkout(tmp_path, "cdk") / "cdk"
    values = {**VALUES, "LayerArn": LAYER, "MaximumConcurrency": "-1"}
    context = json.dumps({examples.CONTEXT[name]: value for name, value in values.items()})
    tools.run(tools.python(), "-c", ASSERTIONS, context, cwd=work)


def test_the_construct_by_cdks_own_assertions(tmp_path):
    tools.node()
    work = tools.checkout(tmp_path, "cdk") / "cdk"
    tools.run(tools.python(), "-c", CONSTRUCT, cwd=work)


@pytest.fixture(scope="module")
def values():
    """Return the example's module `values`, which needs nothing of CDK."""
    spec = importlib.util.spec_from_file_location("values_of_the_cdk_example", tools.EXAMPLES / "cdk" / "values.py")
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses look for annotations that are text.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"database_user": "*"}, "database_user is '*': set it to one database user's name"),
        ({"database_user": "app/other"}, "database_user is 'app/other': set it to one database user's name"),
        ({"database_resource_id": "*"}, "database_resource_id is '*': set it to a resource id"),
        ({"subnet_ids": "subnet-1, subnet-2"}, "set it to subnet ids with commas between them"),
        ({"layer_arn": LAYER.rpartition(":")[0]}, "set it to a layer version's ARN"),
        ({"maximum_concurrency": "many"}, "maximum_concurrency is 'many': set it to a whole number"),
        ({"database_host": None}, 'database_host is not set: set it to the bare host name of the endpoint, in cdk.json under "context"'),
    ],
)
def test_a_pattern_or_a_wrong_value_is_refused(values, changes, message):
    context = {examples.CONTEXT[name]: value for name, value in VALUES.items()} | changes
    with pytest.raises(values.WrongValue, match=re.escape(message)):
        values.Values.of(context.get)


def test_the_app_says_it_in_words(tmp_path):
    tools.node()
    work = tools.checkout(tmp_path, "cdk") / "cdk"
    context = json.loads((work / "cdk.json").read_text())["context"]
    assert set(context) == set(examples.CONTEXT.values())
    printed = tools.run(tools.python(), "app.py", cwd=work, expect=1, CDK_CONTEXT_JSON=json.dumps(context)).stderr
    assert "app.py: database_host is not set" in printed
    assert "Traceback" not in printed


def test_the_package_is_the_function_and_no_secret(by_arn):
    assert examples.files(by_arn.task) == ["handler.py"]
    assert (by_arn.task / "handler.py").read_bytes() == (tools.EXAMPLES / "connection_id" / "handler.py").read_bytes()
    for file in ("app.py", "stack.py", "values.py", "cdk.json"):
        check_no_secret((tools.EXAMPLES / "cdk" / file).read_text())
