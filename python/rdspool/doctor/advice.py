"""The exact fixes: the commands, statements and documents for this user, endpoint and principal."""

from __future__ import annotations

import json
import re
from typing import Final

from .._aws.endpoints import is_proxy, partition_of, region_of
from ..settings import Settings
from .patient import Patient

UNKNOWN_ACCOUNT: Final = "ACCOUNT"
UNKNOWN_RESOURCE: Final = "RESOURCE-ID"


def policy(patient: Patient) -> str:
    """Return the policy document that lets the principal connect as the user, with placeholders for what is not known here."""
    settings = patient.settings
    region = settings.region or "REGION"
    account = patient.account or UNKNOWN_ACCOUNT
    resource = f"arn:{partition_of(region)}:rds-db:{region}:{account}:dbuser:{UNKNOWN_RESOURCE}/{settings.user}"
    statement = {"Effect": "Allow", "Action": "rds-db:connect", "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def put_policy(patient: Patient) -> str:
    """Return the command that gives the policy to the principal."""
    what = "user" if patient.principal is not None and re.search(r":user/", patient.principal) else "role"
    return f"aws iam put-{what}-policy --{what}-name {_principals_name(patient)} --policy-name rdspool-connect --policy-document '{policy(patient)}'"


def _principals_name(patient: Patient) -> str:
    named = re.search(r":assumed-role/([^/]+)/|:user/(?:.*/)?([^/]+)$", patient.principal or "")
    return "ROLE" if named is None else named[1] or named[2]


def kind(host: str) -> str:
    """Return what the endpoint's name says it is: "proxy", "cluster" or "instance"."""
    if is_proxy(host):
        return "proxy"
    labels = host.split(".")
    return "cluster" if region_of(host) and any(label.startswith("cluster-") for label in labels[1:2]) else "instance"


def resource_id(settings: Settings) -> str:
    """Return the command that prints the resource id of the policy."""
    region = f" --region {settings.region}" if settings.region else ""
    text = f'--query "{{}}" --output text{region}'
    match kind(settings.own_name):
        case "proxy":
            query = f"DBProxies[?Endpoint=='{settings.own_name}'].DBProxyArn"
            return f"aws rds describe-db-proxies {text.format(query)}   # RESOURCE-ID: the ARN's part after db-proxy:"
        case "cluster":
            query = f"DBClusters[?Endpoint=='{settings.own_name}' || ReaderEndpoint=='{settings.own_name}'].DbClusterResourceId"
            return f"aws rds describe-db-clusters {text.format(query)}   # RESOURCE-ID"
        case _:
            query = f"DBInstances[?Endpoint.Address=='{settings.own_name}'].DbiResourceId"
            return f"aws rds describe-db-instances {text.format(query)}   # RESOURCE-ID"


def enable_iam(settings: Settings) -> str:
    """Return the command that turns IAM authentication on for the database."""
    region = f" --region {settings.region}" if settings.region else ""
    name = settings.own_name.partition(".")[0]
    match kind(settings.own_name):
        case "proxy":
            return f"aws rds modify-db-proxy --db-proxy-name {name} --auth AuthScheme=SECRETS,SecretArn=SECRET,IAMAuth=REQUIRED{region}"
        case "cluster":
            return f"aws rds modify-db-cluster --db-cluster-identifier {name} --enable-iam-database-authentication{region}"
        case _:
            return f"aws rds modify-db-instance --db-instance-identifier {name} --enable-iam-database-authentication --apply-immediately{region}"


def create_user(settings: Settings) -> dict[str, str]:
    """Return the statement that creates the user for IAM, per kind of server."""
    user = quoted(settings.user)
    return {
        "MySQL": f"CREATE USER {user}@'%' IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS';",
        "MariaDB": f"CREATE USER {user}@'%' IDENTIFIED VIA AWSAuthenticationPlugin USING 'RDS' REQUIRE SSL;",
    }


def grant(settings: Settings) -> str:
    """Return the statement that gives the user an application's rights on the database."""
    database = (settings.database or "DATABASE").replace("`", "``")
    return f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{database}`.* TO {quoted(settings.user)}@'%';"


def quoted(text: str) -> str:
    """Return a text as a literal of SQL that no sql_mode reads in another way, for there is no backslash in a user's name."""
    return "'" + text.replace("'", "''") + "'"


def security_group(settings: Settings) -> list[str]:
    """Return the commands that show and open the database's security group."""
    region = f" --region {settings.region}" if settings.region else ""
    return [
        f"aws ec2 authorize-security-group-ingress --group-id DATABASE-GROUP --protocol tcp --port {settings.port} --source-group FUNCTION-GROUP{region}",
        (
            "Attach the function to subnets of the database's VPC: aws lambda get-function-configuration --function-name FUNCTION "
            f"--query VpcConfig{region}"
        ),
    ]
