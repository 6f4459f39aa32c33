"""Read and change the policy of a layer version."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import LayerError
from .account import Region
from .errors import AwsError
from .grants import Grant, Policy
from .versions import layer_arn


def policy(region: Region, layer: str, version: int) -> Policy:
    """Return the policy of a version, which is empty when it has none. Raise AwsError when the call fails."""
    arn = layer_arn(region, layer, version)
    try:
        answer = region.ask("lambda", "get_layer_version_policy", arn, LayerName=layer, VersionNumber=version)
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            return Policy({})
        raise
    return Policy.read(answer["Policy"])


def check(grants: Iterable[Grant], regions: Iterable[Region]) -> None:
    """Raise LayerError when an account or an organisation would be granted versions of several partitions: it belongs to one of them."""
    partitions = sorted({region.account.partition for region in regions})
    limited = sorted(grant for grant in grants if grant.who)
    if limited and len(partitions) > 1:
        raise LayerError(
            f"versions of {' and '.join(partitions)} can't be shared with {', '.join(map(str, limited))} at once: an account or organisation"
            " belongs to one partition of AWS and can't use layers of another. Run this once per partition, each with its own grantees"
        )


def add(region: Region, layer: str, version: int, grant: Grant) -> None:
    """Add a grant, unless the version has it. Raise AwsError when the call fails, or another statement has the grant's id."""
    arn = layer_arn(region, layer, version)
    try:
        arguments: dict[str, Any] = {"LayerName": layer, "VersionNumber": version, **grant.arguments}
        region.ask("lambda", "add_layer_version_permission", arn, **arguments)
    except AwsError as error:
        if error.code != "ResourceConflictException":
            raise
        existing = policy(region, layer, version)
        if grant in existing.granted():
            return
        text = f"{arn} has another statement with the id {grant.statement_id!r}: remove it (aws lambda remove-layer-version-permission)"
        raise AwsError(error.code, text) from error


def remove(region: Region, layer: str, version: int, grant: Grant) -> None:
    """Remove all statements with this grant. Raise AwsError when a call fails."""
    arn = layer_arn(region, layer, version)
    for statement_id in policy(region, layer, version).ids(grant):
        try:
            parameters: dict[str, Any] = {"LayerName": layer, "VersionNumber": version, "StatementId": statement_id}
            region.ask("lambda", "remove_layer_version_permission", arn, **parameters)
        except AwsError as error:
            # An earlier attempt has removed the statement, but its answer was lost.
            if error.code != "ResourceNotFoundException":
                raise
