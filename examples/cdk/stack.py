"""The stack: the connection_id function with the rdspool layer, in the VPC of its database, with IAM sign-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import Annotations, Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct
from database_access import DatabaseAccess
from values import Values

FUNCTION = Path(__file__).resolve().parent.parent / "connection_id"


class ConnectionId(Stack):
    """The function, its role, its security group, the rule that allows this group in the database's group, and its log."""

    def __init__(self, scope: Construct, construct_id: str, *, values: Values, **options: Any) -> None:
        super().__init__(scope, construct_id, description="The connection_id function with the rdspool layer", **options)
        vpc = ec2.Vpc.from_vpc_attributes(self, "Vpc", vpc_id=values.vpc_id, availability_zones=[Aws.REGION])
        runtime, architecture = lambda_.Runtime.PYTHON_3_13, lambda_.Architecture.X86_64
        access = DatabaseAccess(
            self,
            "Database",
            vpc=vpc,
            runtime=runtime,
            architecture=architecture,
            database_host=values.database_host,
            database_port=values.database_port,
            database_name=values.database_name,
            database_user=values.database_user,
            database_resource_id=values.database_resource_id,
            database_security_group_id=values.database_security_group_id,
            layer_arn=values.layer_arn,
            layer_parameter=values.layer_parameter,
        )
        function = lambda_.Function(
            self,
            "Function",
            code=lambda_.Code.from_asset(str(FUNCTION), exclude=["*", "!*.py"]),
            handler="handler.handler",
            runtime=runtime,
            architecture=architecture,
            memory_size=128,
            # Longer than rdspool's connect timeout, so that the log shows rdspool's error when the database can't be reached.
            timeout=Duration.seconds(20),
            # Each environment has one connection.
            reserved_concurrent_executions=values.maximum_concurrency,
            layers=[access.layer],
            environment=access.environment,
            # With a VPC, CDK gives the role AWSLambdaVPCAccessExecutionRole.
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=[self.subnet(id_) for id_ in values.subnet_ids]),
            security_groups=[access.security_group],
            log_group=logs.LogGroup(self, "Log", retention=logs.RetentionDays.TWO_WEEKS, removal_policy=RemovalPolicy.DESTROY),
        )
        access.grant_connect(function)
        CfnOutput(self, "FunctionName", value=function.function_name)

    def subnet(self, subnet_id: str) -> ec2.ISubnet:
        """Return the subnet with this id. The warning about its unknown route table is acknowledged, because the stack does not use it."""
        subnet = ec2.Subnet.from_subnet_id(self, subnet_id, subnet_id)
        Annotations.of(subnet).acknowledge_warning("@aws-cdk/aws-ec2:noSubnetRouteTableId")
        return subnet
