"""AWS accounts (boto3's default credentials, a profile or an assumed role) and their regions, in which calls are made."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore import exceptions
from botocore.config import Config

from .. import matrix
from ..errors import LayerError
from .errors import AwsError, explain

_STANDARD = "aws"
_ATTEMPTS = 4
_CONNECT = 5.0  # seconds
_POOL = 10
_RIGHTS = {"HeadObject": "GetObject", "GetLayerVersionByArn": "GetLayerVersion", "Invoke": "InvokeFunction"}
"""Actions of IAM whose names differ from those of their calls."""
_ONCE = 3
"""Factor on the timeout of calls that botocore does not retry, because they upload the zip."""


@dataclass(eq=False)
class Account:
    """An AWS account and its credentials. `arn` is the caller, `label` the profile, the role's ARN, or `default`.

    Its credentials work only in the regions of its partition.
    """

    label: str
    id: str
    arn: str
    timeout: float
    session: boto3.Session = field(repr=False)
    # A session is not thread-safe, but its clients are.
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _clients: dict[tuple[str, str, bool], Any] = field(default_factory=dict, repr=False)

    @property
    def partition(self) -> str:
        """The partition of AWS that the account belongs to: aws, aws-us-gov, aws-cn, ..."""
        return self.arn.split(":")[1]

    def client(self, service: str, region: str, *, retries: bool = True) -> Any:
        """Return the boto3 client of a service in a region. It is cached."""
        with self._lock:
            key = (service, region, retries)
            if key not in self._clients:
                self._clients[key] = self.session.client(service, region_name=region, config=_config(self.timeout, retries))
            return self._clients[key]

    def region(self, name: str) -> Region:
        """Return a region of the account. Raise LayerError when it is in another partition."""
        if (partition := matrix.partition_of(name)) not in (None, self.partition):
            raise LayerError(
                f"{name} is in AWS's partition {partition}, and the account {self.id} ({self.label}) is in {self.partition}, whose credentials"
                f" do not work there: name a profile or a role of {partition} with --account"
            )
        return Region(self, name)


@dataclass(frozen=True)
class Region:
    """A region of an account. It makes calls, and raises AwsError with an explanation when they fail."""

    account: Account
    name: str

    def __str__(self) -> str:
        return f"{self.account.id} {self.name}"

    def arn(self, service: str, rest: str) -> str:
        return f"arn:{self.account.partition}:{service}:{self.name}:{self.account.id}:{rest}"

    def ask(self, service: str, operation: str, resource: str, *, retries: bool = True, **parameters: Any) -> dict[str, Any]:
        """Make one call and return the answer. botocore retries it in its standard mode if `retries`. Raise AwsError when it fails.

        `operation` is the name of boto3's method, `resource` the ARN for error messages.
        """
        try:
            client = self.account.client(service, self.name, retries=retries)
            answer: dict[str, Any] = getattr(client, operation)(**parameters)
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            raise self._explained(error, service, operation, resource) from error
        return answer

    def pages(self, service: str, operation: str, resource: str, key: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Yield the entries of all pages of a call. Raise AwsError when it fails."""
        try:
            for page in self.account.client(service, self.name).get_paginator(operation).paginate(**parameters):
                yield from page[key]
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            raise self._explained(error, service, operation, resource) from error

    def _explained(self, error: Exception, service: str, operation: str, resource: str) -> AwsError:
        name = "".join(part.capitalize() for part in operation.split("_"))
        return explain(error, action=f"{service}:{_RIGHTS.get(name, name)}", resource=resource, region=self.name)


def open_account(name: str | None, timeout: float, partition: str | None = None) -> Account:
    """Return the account of a profile, of a role's ARN, or (None) of boto3's default credentials.

    `timeout` is the number of seconds to wait for an answer of a region. `partition` is the one in which the account is used, if that is
    known. Raise AwsError when the credentials can't be used.
    """
    label = name or "default"
    role = name if name and name.startswith("arn:") else None
    partition = role.split(":")[1] if role else partition
    where = ""
    try:
        base = _made(profile_name=None if role else name)
        where = _home(base.region_name, partition)
        session = _assumed(base, role, where, timeout) if role else base
        identity = session.client("sts", region_name=where, config=_config(timeout, retries=True)).get_caller_identity()
    except exceptions.ProfileNotFound as error:
        raise _no_profile(name) from error
    except (exceptions.BotoCoreError, exceptions.ClientError) as error:
        explained = explain(error, action="sts:AssumeRole" if role else "sts:GetCallerIdentity", resource=name or "*", region=where)
        text = f"account {label}: {explained}"
        if explained.disabled:
            text += (
                f". Credentials work in one partition of AWS only, and {where} is in {matrix.partition_of(where) or 'another one'}: for"
                " GovCloud or China give the profile a region there (or set AWS_DEFAULT_REGION), or name only regions of that partition"
            )
        raise AwsError(explained.code, text, everywhere=True) from error
    return Account(label, identity["Account"], identity["Arn"], timeout, session)


def configured_region(name: str | None) -> str:
    """Return the region that AWS's configuration has for a profile, or (a role's ARN, or None) for boto3's default credentials.

    Raise LayerError when it has none.
    """
    try:
        region = _made(profile_name=None if name and name.startswith("arn:") else name).region_name
    except exceptions.ProfileNotFound as error:
        raise _no_profile(name) from error
    if not region:
        raise LayerError("AWS's configuration has no region: name regions with --regions, or set AWS_DEFAULT_REGION")
    return str(region)


def _no_profile(name: str | None) -> AwsError:
    have = ", ".join(boto3.Session().available_profiles) or "none"
    return AwsError("ProfileNotFound", f"AWS's configuration has no profile {name!r} (it has: {have})")


def _home(configured: str | None, partition: str | None) -> str:
    """Return the region to ask for the account: the configured one, unless it is not in the partition in which the account is used."""
    if configured and partition in (None, matrix.partition_of(configured)):
        return configured
    known = matrix.partitions()
    if (wanted := partition or _STANDARD) not in known:
        raise LayerError(f"layer/matrix.toml does not have AWS's partition {wanted}: it has {', '.join(known)}")
    return known[wanted].home


def _assumed(base: boto3.Session, role: str, where: str, timeout: float) -> boto3.Session:
    sts = base.client("sts", region_name=where, config=_config(timeout, retries=True))
    credentials = sts.assume_role(RoleArn=role, RoleSessionName="rdspool-layer")["Credentials"]
    keys = (credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
    return _made(*keys, region_name=where)


def _made(*keys: str, **options: str | None) -> boto3.Session:
    session = botocore.session.get_session()
    # The service descriptions are megabytes of JSON, so all accounts share one loader.
    session.register_component("data_loader", _loader())
    return boto3.Session(*keys, botocore_session=session, **options)


@cache
def _loader() -> botocore.loaders.Loader:
    return botocore.loaders.create_loader(botocore.session.get_session().get_config_variable("data_path"))


def _config(timeout: float, retries: bool) -> Config:
    return Config(
        connect_timeout=min(_CONNECT, timeout),
        read_timeout=timeout if retries else timeout * _ONCE,
        max_pool_connections=_POOL,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS if retries else 1},
    )
