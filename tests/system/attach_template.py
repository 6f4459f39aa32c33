"""CloudFormation templates with the parameters' values put in, and what each of them has to give the function."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

ACCOUNT = "123456789012"
REGION = "eu-central-1"
VALUES = {
    "DatabaseHost": "app.cluster-c1abcdefghij.eu-central-1.rds.amazonaws.com",
    "DatabasePort": "3306",
    "DatabaseName": "shop",
    "DatabaseUser": "app",
    "DatabaseResourceId": "cluster-ABCDEFGHIJKL01234",
    "VpcId": "vpc-0123456789abcdef0",
    "SubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "DatabaseSecurityGroupId": "sg-0123456789abcdef0",
}
LAYER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:rdspool-python3_13-x86_64:7"
PARAMETER = "/rdspool/python3.13/x86_64/latest"
USER = f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:cluster-ABCDEFGHIJKL01234/app"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = object()


class Template:
    """What CloudFormation makes of a template and its parameters; an SSM parameter's value is written ssm:NAME, a resource's id its name here."""

    def __init__(self, content: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        self.content = content
        declared = content.get("Parameters", {})
        assert set(parameters) <= set(declared), f"the template has no parameter {sorted(set(parameters) - set(declared))}"
        self.parameters = {name: self._parameter(name, declared[name], parameters) for name in declared}
        self.resources = {
            name: self.value(resource)
            for name, resource in content["Resources"].items()
            if "Condition" not in resource or self._condition(resource["Condition"])
        }

    def _parameter(self, name: str, declared: Mapping[str, Any], given: Mapping[str, str]) -> Any:
        assert name in given or "Default" in declared, f"the parameter {name} has no value"
        value = str(given.get(name, declared.get("Default")))
        pattern = declared.get("AllowedPattern")
        if pattern is not None and not re.fullmatch(pattern, value):
            raise ValueError(f"{name}: {value!r} {declared['ConstraintDescription']}")
        if declared["Type"].startswith("AWS::SSM::Parameter::Value"):
            return f"ssm:{value}"
        return value.split(",") if declared["Type"].startswith("List<") else value

    def _condition(self, name: str) -> bool:
        return bool(self.value(self.content["Conditions"][name]))

    def value(self, node: Any) -> Any:
        """Return the node with its intrinsic functions carried out."""
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, argument)
        values = {key: self.value(value) for key, value in node.items()}
        return {key: value for key, value in values.items() if value is not NO_VALUE}

    def _function(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref" if argument == "AWS::NoValue":
                return NO_VALUE
            case "Ref":
                return {**PSEUDO, **self.parameters}.get(argument, argument)
            case "Fn::GetAtt":
                return ".".join(argument)
            case "Fn::Sub":
                text = re.sub(r"\$\{([\w:]+)\}", lambda found: str(self._function("Ref", found[1])), argument)
                return re.sub(r"\{\{resolve:ssm:([^}]+)\}\}", r"ssm:\1", text)
            case "Fn::If":
                return self.value(argument[1 if self._condition(argument[0]) else 2])
            case "Fn::Equals":
                return str(self.value(argument[0])) == str(self.value(argument[1]))
            case "Fn::And":
                return all(map(self.value, argument))
            case "Fn::Not":
                return not self.value(argument[0])
            case "Fn::Join":
                return argument[0].join(map(str, self.value(argument[1])))
            case "Fn::Split":
                return self.value(argument[1]).split(argument[0])
        raise AssertionError(f"{name} is not known here: {json.dumps(argument)}")

    def only(self, kind: str) -> tuple[str, dict[str, Any]]:
        """Return the logical id and the properties of the one resource of this type."""
        found = [(name, resource["Properties"]) for name, resource in self.resources.items() if resource["Type"] == kind]
        assert len(found) == 1, f"{len(found)} resources are {kind}"
        return found[0]

    def function(self) -> dict[str, Any]:
        return self.only("AWS::Lambda::Function")[1]

    def variables(self) -> dict[str, str]:
        """Return the function's variables as Lambda passes them on, all text."""
        return {name: str(value) for name, value in self.function()["Environment"]["Variables"].items()}

    def statements(self) -> list[dict[str, Any]]:
        """Return all statements of the role's inline policies and of policies attached to it."""
        role = self.only("AWS::IAM::Role")[1]
        documents = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
        documents += [each["Properties"]["PolicyDocument"] for each in self.resources.values() if each["Type"] == "AWS::IAM::Policy"]
        return [statement for document in documents for statement in document["Statement"]]


def check(template: Template, *, layer: str, concurrency: int | None = 10) -> None:
    """Assert all that an example promises."""
    function = template.function()
    assert function["Layers"] == [layer]
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["x86_64"]
    assert function["MemorySize"] == 128
    assert function["Timeout"] == 20
    assert function.get("ReservedConcurrentExecutions") == (None if concurrency is None else as_given(function, concurrency))
    assert template.variables() == {
        "RDSPOOL_HOST": VALUES["DatabaseHost"],
        "RDSPOOL_PORT": "3306",
        "RDSPOOL_USER": "app",
        "RDSPOOL_DATABASE": "shop",
    }
    check_role(template)
    check_network(template)
    log, properties = template.only("AWS::Logs::LogGroup")
    assert str(properties["RetentionInDays"]) == "14"
    if "LoggingConfig" in function:
        assert function["LoggingConfig"]["LogGroup"] == log
    else:
        assert properties["LogGroupName"] == f"/aws/lambda/{function['FunctionName']}"
    check_no_secret(json.dumps(template.content))


def as_given(function: Mapping[str, Any], number: int) -> int | str:
    """Return a parameter's value as CloudFormation has it before it converts numbers: as text."""
    return str(number) if isinstance(function.get("ReservedConcurrentExecutions"), str) else number


def check_role(template: Template) -> None:
    """Assert that the role may write its log, make its network interfaces and connect as one user, and nothing else."""
    _, role = template.only("AWS::IAM::Role")
    assert template.function()["Role"].split(".")[0] == template.only("AWS::IAM::Role")[0]
    managed = {arn.rpartition("/")[2] for arn in role["ManagedPolicyArns"]}
    assert "AWSLambdaVPCAccessExecutionRole" in managed
    assert managed <= {"AWSLambdaVPCAccessExecutionRole", "AWSLambdaBasicExecutionRole"}
    connect = [each for each in template.statements() if "rds-db" in json.dumps(each)]
    assert len(connect) == 1
    assert connect[0]["Effect"] == "Allow"
    assert connect[0]["Action"] in ("rds-db:connect", ["rds-db:connect"])
    assert connect[0]["Resource"] in (USER, [USER])
    others = [each for each in template.statements() if each not in connect]
    assert all(action.startswith("logs:") for each in others for action in each["Action"])


def check_network(template: Template) -> None:
    """Assert that the function's group reaches the database's group at the database's port, and is let in there."""
    own, group = template.only("AWS::EC2::SecurityGroup")
    _, ingress = template.only("AWS::EC2::SecurityGroupIngress")
    network = template.function()["VpcConfig"]
    assert network["SubnetIds"] == VALUES["SubnetIds"].split(",")
    assert [each.split(".")[0] for each in network["SecurityGroupIds"]] == [own]
    assert group["VpcId"] == VALUES["VpcId"]
    (egress,) = group["SecurityGroupEgress"]
    assert egress["DestinationSecurityGroupId"] == ingress["GroupId"] == VALUES["DatabaseSecurityGroupId"]
    assert ingress["SourceSecurityGroupId"].split(".")[0] == own
    for rule in (egress, ingress):
        assert (rule["IpProtocol"], str(rule["FromPort"]), str(rule["ToPort"])) == ("tcp", "3306", "3306")


def check_no_secret(text: str) -> None:
    """Assert that IAM signs in: nothing here has a password, or knows where one is."""
    assert not re.search(r"password|passwd|secretsmanager|secretstring|RDSPOOL_URL|aws_secret|AKIA", text, re.IGNORECASE)
