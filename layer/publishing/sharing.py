"""Reading and changing the policy of a layer version."""

from __future__ import annotations

from typing import Any

from .account import Region
from .errors import AwsError
from .grants import Grant, Policy
from .versions import layer_arn


def policy(region: Region, layer: str, version: int) -> Policy:
    """Returns the policy of a version; an empty one where it has none. Raises AwsError."""
    arn = layer_arn(region, layer, version)
    try:
        answer = region.ask("lambda", "get_layer_version_policy", arn, LayerName=layer, VersionNumber=version)
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            return Policy({})
        raise
    return Policy.read(answer["Policy"])


def add(region: Region, layer: str, version: int, grant: Grant) -> None:
    """Adds the grant. A statement that is there already and says the same is what is wanted, not an error. Raises AwsError."""
    arn = layer_arn(region, layer, version)
    try:
        arguments: dict[str, Any] = {"LayerName": layer, "VersionNumber": version, **grant.arguments}
        region.ask("lambda", "add_layer_version_permission", arn, **arguments)
    except AwsError as error:
        if error.code != "ResourceConflictException":
            raise
        there = policy(region, layer, version)
        if grant in there.holders():
            return
        text = (
            f"{arn} has a statement {grant.statement_id!r} that says something else: remove it (aws lambda remove-layer-version-permission)"
        )
        raise AwsError(error.code, text) from error


def remove(region: Region, layer: str, version: int, grant: Grant) -> None:
    """Takes the grant away, under whatever statement ids it is. Raises AwsError."""
    arn = layer_arn(region, layer, version)
    for statement_id in policy(region, layer, version).ids(grant):
        try:
            parameters: dict[str, Any] = {"LayerName": layer, "VersionNumber": version, "StatementId": statement_id}
            region.ask("lambda", "remove_layer_version_permission", arn, **parameters)
        except AwsError as error:
            # The answer to an earlier attempt was lost.
            if error.code != "ResourceNotFoundException":
                raise
