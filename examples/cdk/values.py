"""Read and check the values of the CDK context."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

PLACEHOLDER = "..."
"""The value in cdk.json that the user must replace."""


class WrongValue(Exception):
    """A value of the context is missing or invalid. The text says which one and what to do."""


@dataclass(frozen=True, kw_only=True)
class Values:
    """The values of the context. The names are its keys."""

    database_host: str
    database_port: int
    database_name: str
    database_user: str
    database_resource_id: str
    vpc_id: str
    subnet_ids: list[str]
    database_security_group_id: str
    layer_arn: str | None
    layer_parameter: str
    maximum_concurrency: int | None
    """Maximum number of concurrent environments; None for no limit."""

    @classmethod
    def of(cls, context: Callable[[str], Any]) -> Self:
        """Return the values that `context` returns for their keys. Raise WrongValue when one is missing or invalid."""
        read = _Reader(context)
        concurrency = read.number("maximum_concurrency", "10")
        return cls(
            database_host=read.text("database_host", r"[A-Za-z0-9][A-Za-z0-9.-]*", "the bare host name of the endpoint"),
            database_port=read.number("database_port", "3306"),
            database_name=read.text("database_name", r".+", "the database (schema) to use"),
            # Exactly one user of one resource: the values can't contain wildcards.
            database_user=read.text("database_user", r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}", "one database user's name"),
            database_resource_id=read.text(
                "database_resource_id", r"(cluster|db|prx)-[A-Za-z0-9]+", "a resource id: cluster-..., db-... or prx-..."
            ),
            vpc_id=read.text("vpc_id", r"vpc-[0-9a-f]+", "the VPC's id: vpc-..."),
            subnet_ids=read.text("subnet_ids", r"subnet-[0-9a-f]+(,subnet-[0-9a-f]+)*", "subnet ids with commas between them").split(","),
            database_security_group_id=read.text("database_security_group_id", r"sg-[0-9a-f]+", "a security group's id: sg-..."),
            layer_arn=read.text(
                "layer_arn", r"(arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:layer:[\w-]+:[0-9]+)?", "a layer version's ARN", ""
            )
            or None,
            layer_parameter=read.text("layer_parameter", r"/[\w./-]+", "the name of an SSM parameter", "/rdspool/python3.13/x86_64/latest"),
            maximum_concurrency=None if concurrency == -1 else concurrency,
        )


class _Reader:
    def __init__(self, context: Callable[[str], Any]) -> None:
        self.context = context

    def text(self, key: str, pattern: str, what: str, default: str | None = None) -> str:
        value = self.context(key)
        if value in (None, PLACEHOLDER):
            value = default
        if value is None:
            raise WrongValue(f'{key} is not set: set it to {what}, in cdk.json under "context" or with -c {key}=VALUE')
        if not re.fullmatch(pattern, str(value)):
            raise WrongValue(f"{key} is {value!r}: set it to {what}")
        return str(value)

    def number(self, key: str, default: str) -> int:
        return int(self.text(key, r"-1|[0-9]+", "a whole number", default))
