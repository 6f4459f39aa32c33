"""The stack: the connection_id function with the rdspool layer, in the VPC of its database, with IAM sign-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import Annotations, ArnFormat, Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct
from values import Values

FUNCTION = Path(__file__).resolve().parent.parent / "connection_id"


class ConnectionId(Stack):
    """The function, its role, its security group, the rule that allows this group in the database's group, and its log."""

    def __init__(self, scope: Construct, construct_id: str, *, values: Values, **options: Any) -> None:
        super().__init__(scope, construct_id, description="The connection_id function with the rdspool layer", **options)
        vpc = ec2.Vpc.from_vpc_attributes(self, "Vpc", vpc_id=values.vpc_id, availability_zones=[Aws.REGION])
        group = self.group(vpc, values)
        function = lambda_.Function(
            self,
            "Function",
            code=lambda_.Code.from_asset(str(FUNCTION), exclude=["*", "!*.py"]),
            handler="handler.handler",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.X86_64,
            memory_size=128,
            # Longer than rdspool's connect timeout, so that the log shows rdspool's error when the database can't be reached.
            timeout=Duration.seconds(20),
            # Each environment has one connection.
            reserved_concurrent_executions=values.maximum_concurrency,
            layers=[lambda_.LayerVersion.from_layer_version_arn(self, "Layer", self.layer_arn(values))],
            environment={
                "RDSPOOL_HOST": values.database_host,
                "RDSPOOL_PORT": str(values.database_port),
                "RDSPOOL_USER": values.database_user,
                "RDSPOOL_DATABASE": values.database_name,
            },
            # With a VPC, CDK gives the role AWSLambdaVPCAccessExecutionRole.
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=[self.subnet(id_) for id_ in values.subnet_ids]),
            security_groups=[group],
            log_group=logs.LogGroup(self, "Log", retention=logs.RetentionDays.TWO_WEEKS, removal_policy=RemovalPolicy.DESTROY),
        )
        function.add_to_role_policy(iam.PolicyStatement(actions=["rds-db:connect"], resources=[self.user_arn(values)]))
        CfnOutput(self, "FunctionName", value=function.function_name)

    def subnet(self, subnet_id: str) -> ec2.ISubnet:
        """Return the subnet with this id. The warning about its unknown route table is acknowledged, because the stack does not use it."""
        subnet = ec2.Subnet.from_subnet_id(self, subnet_id, subnet_id)
        Annotations.of(subnet).acknowledge_warning("@aws-cdk/aws-ec2:noSubnetRouteTableId")
        return subnet

    def group(self, vpc: ec2.IVpc, values: Values) -> ec2.SecurityGroup:
        """Return the function's security group, which may connect only to the database. The database's group gets a rule for it."""
        # The function signs its IAM token without a call, so it needs to reach only the database.
        group = ec2.SecurityGroup(self, "Group", vpc=vpc, description="A Lambda function with rdspool", allow_all_outbound=False)
        port = ec2.Port.tcp(values.database_port)
        group.add_egress_rule(ec2.Peer.security_group_id(values.database_security_group_id), port, "the database")
        database = ec2.SecurityGroup.from_security_group_id(self, "DatabaseGroup", values.database_security_group_id)
        database.add_ingress_rule(group, port, "a Lambda function with rdspool")
        return group

    def layer_arn(self, values: Values) -> str:
        """Return the given ARN, otherwise a reference to the SSM parameter, which CloudFormation reads at each deployment."""
        return values.layer_arn or ssm.StringParameter.value_for_string_parameter(self, values.layer_parameter)

    def user_arn(self, values: Values) -> str:
        """Return the ARN of the one database user as whom the role may connect."""
        return self.format_arn(
            service="rds-db",
            resource="dbuser",
            resource_name=f"{values.database_resource_id}/{values.database_user}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
