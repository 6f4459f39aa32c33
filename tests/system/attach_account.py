"""An AWS account on this machine for what Terraform makes: moto's server, with AWS's own policies in it, and a network with a database's group."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from attach_template import ACCOUNT, REGION

# Ends with its standard input, hence with this process, however that ends.
SERVER = """
import os, sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("%s:%s" % server.get_host_and_port(), flush=True)
sys.stdin.read()
os._exit(0)
"""


class Account:
    """The account, and what is looked up in it."""

    number = ACCOUNT

    def __init__(self, address: str) -> None:
        self.address = address

    def variables(self) -> dict[str, str]:
        """Return the environment in which a tool talks to this account."""
        return {"AWS_ENDPOINT_URL": self.address, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}

    def client(self, service):
        return boto3.client(
            service, region_name=REGION, endpoint_url=self.address, aws_access_key_id="testing", aws_secret_access_key="testing"
        )

    def publish_layer(self):
        """Return the ARN of a new version of the layer, whose content is nothing here."""
        client = self.client("lambda")
        return client.publish_layer_version(LayerName="rdspool-python3_13-x86_64", Content={"ZipFile": b"zip"})["LayerVersionArn"]

    def network(self):
        """Make a VPC with two subnets and a database's security group and return their ids by the names of Terraform's variables."""
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in range(2)]
        group = ec2.create_security_group(GroupName="database", Description="the database", VpcId=vpc)["GroupId"]
        return {"vpc_id": vpc, "subnet_ids": subnets, "database_security_group_id": group}

    def functions(self):
        return self.client("lambda").list_functions()["Functions"]

    def statements(self, function):
        """Return the statements of the inline policies of the function's role."""
        iam = self.client("iam")
        role = function["Role"].rpartition("/")[2]
        policies = [iam.get_role_policy(RoleName=role, PolicyName=name) for name in iam.list_role_policies(RoleName=role)["PolicyNames"]]
        return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]

    def admitted(self, group):
        """Return the groups, with the ports, that the group lets in."""
        found = self.client("ec2").describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
        return [(rule["ReferencedGroupInfo"]["GroupId"], rule["FromPort"]) for rule in found if not rule["IsEgress"]]


@contextmanager
def start() -> Iterator[Account]:
    """Run the account's API in a process of its own until the block ends."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        env={**variables, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, "moto's server did not start: its words are above"
        try:
            yield Account(f"http://{address}")
        finally:
            process.communicate()
