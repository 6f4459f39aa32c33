"""A construct: what a function with rdspool needs beside itself, to reach one database as one user."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm
from constructs import Construct


class DatabaseAccess(Construct):
    """The layer, a security group that the database's group allows, the environment variables, and the right to sign in.

    Create the function with `layer`, `security_group` and `environment`, then call `grant_connect(function)`. The layer is that for
    `runtime` and `architecture`: `layer_arn`, otherwise the ARN in the SSM parameter `layer_parameter`, which CloudFormation reads at each
    deployment. The parameter's default is the publisher's.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.IVpc,
        runtime: lambda_.Runtime,
        architecture: lambda_.Architecture,
        database_host: str,
        database_name: str,
        database_user: str,
        database_resource_id: str,
        database_security_group_id: str,
        database_port: int = 3306,
        layer_arn: str | None = None,
        layer_parameter: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._user = f"{database_resource_id}/{database_user}"
        if "*" in self._user or "?" in self._user:
            raise ValueError(f"{self._user} is a pattern: the role may connect as exactly one user of one database")
        parameter = layer_parameter or f"/rdspool/{runtime.name}/{architecture.name}/latest"
        arn = layer_arn or ssm.StringParameter.value_for_string_parameter(self, parameter)
        self.layer = lambda_.LayerVersion.from_layer_version_arn(self, "Layer", arn)
        self.environment = {
            "RDSPOOL_HOST": database_host,
            "RDSPOOL_PORT": str(database_port),
            "RDSPOOL_USER": database_user,
            "RDSPOOL_DATABASE": database_name,
        }
        # The function signs its IAM token without a call, so it needs to reach only the database.
        description = "A Lambda function with rdspool"
        self.security_group = ec2.SecurityGroup(self, "Group", vpc=vpc, description=description, allow_all_outbound=False)
        port = ec2.Port.tcp(database_port)
        self.security_group.add_egress_rule(ec2.Peer.security_group_id(database_security_group_id), port, "the database")
        database = ec2.SecurityGroup.from_security_group_id(self, "DatabaseGroup", database_security_group_id)
        database.add_ingress_rule(self.security_group, port, "a Lambda function with rdspool")

    def grant_connect(self, function: lambda_.Function) -> None:
        """Allow the function's role to connect as the one database user."""
        arn = Stack.of(self).format_arn(
            service="rds-db", resource="dbuser", resource_name=self._user, arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        function.add_to_role_policy(iam.PolicyStatement(actions=["rds-db:connect"], resources=[arn]))
