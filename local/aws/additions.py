"""Add behaviour of AWS Lambda's layers that moto 5.2 does not have:

- a second permission with the same statement id is a ResourceConflictException; policies have AWS's form
- ListLayerVersions and ListFunctions return pages
- a zip over the limit for direct uploads is rejected
- GetLayerVersionByArn, also from other accounts if the version's policy allows them
- Content.Location is a URL of the zip
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend, LayerVersion, lambda_backends
from moto.awslambda.responses import LambdaResponse
from moto.utilities.utils import get_partition

PAGE = 50
"""The maximum number of entries on a page of AWS."""


class _Conflict(LambdaClientError):
    code = 409

    def __init__(self, sid: str) -> None:
        super().__init__(
            "ResourceConflictException",
            f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the existing statement.",
        )


class _TooLarge(LambdaClientError):
    code = 413

    def __init__(self, limit: int) -> None:
        # AWS limits the size of the request, which contains the zip in base64.
        super().__init__(
            "RequestEntityTooLargeException", f"Request must be smaller than {limit * 4 // 3} bytes for the PublishLayerVersion operation"
        )


class _Denied(LambdaClientError):
    code = 403

    def __init__(self, account: str, arn: str) -> None:
        # AWS gives the same answer for a version that does not exist.
        who = f"arn:{arn.split(':')[1]}:iam::{account}:user/someone"
        action = "lambda:GetLayerVersion"
        why = f"no resource-based policy allows the {action} action"
        super().__init__("AccessDeniedException", f"User: {who} is not authorized to perform: {action} on resource: {arn} because {why}")


def contents(account: str, region: str, layer: str, version: str) -> bytes | None:
    """Return the zip of a layer version, or None if it does not exist."""
    arn = f"arn:{get_partition(region)}:lambda:{region}:{account}:layer:{layer}:{version}"
    found = lambda_backends[account][region].layers_versions_by_arn(arn)
    return bytes(found.code_bytes) if found else None


def install(address: str, direct_upload: int) -> None:
    """Patch moto in this process. `address` is the URL that clients use, `direct_upload` the limit for zips in bytes."""
    _permissions()
    _pages("list_functions", "Functions")
    _pages("list_layer_versions", "LayerVersions")
    _limit(direct_upload)
    _locations(address)
    _by_arn()


def _permissions() -> None:
    def add(self: LambdaBackend, layer_name: str, version_number: int, statement: str) -> tuple[dict[str, Any], str]:
        version = self.get_layer_version(layer_name, str(version_number))
        asked = json.loads(statement)
        if any(existing["Sid"] == asked["StatementId"] for existing in version.policy.statements):
            raise _Conflict(asked["StatementId"])
        account = asked["Principal"] if asked["Principal"] != "*" else None
        made: dict[str, Any] = {
            "Sid": asked["StatementId"],
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{get_partition(self.region_name)}:iam::{account}:root"} if account else "*",
            "Action": asked["Action"],
            "Resource": version.arn,
        }
        if organisation := asked.get("OrganizationId"):
            made["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": organisation}}
        version.policy.statements.append(made)
        return made, version.policy.revision

    LambdaBackend.add_layer_version_permission = add  # type: ignore[method-assign,assignment]


def _pages(operation: str, key: str) -> None:
    whole: Callable[[LambdaResponse], str] = getattr(LambdaResponse, operation)

    def page(self: LambdaResponse) -> str:
        answer = json.loads(whole(self))
        size = min(int(self.querystring.get("MaxItems", [PAGE])[0]), PAGE)
        start = int(self.querystring.get("Marker", ["0"])[0])
        entries = answer[key]
        answer[key] = entries[start : start + size]
        if start + size < len(entries):
            answer["NextMarker"] = str(start + size)
        return json.dumps(answer)

    setattr(LambdaResponse, operation, page)


def _limit(direct_upload: int) -> None:
    publish = LambdaBackend.publish_layer_version

    def limited(self: LambdaBackend, spec: dict[str, Any]) -> LayerVersion:
        if len(spec["Content"].get("ZipFile", "")) * 3 // 4 > direct_upload:
            raise _TooLarge(direct_upload)
        return publish(self, spec)

    LambdaBackend.publish_layer_version = limited  # type: ignore[method-assign]


def _locations(address: str) -> None:
    describe = LayerVersion.get_layer_version

    def described(self: LayerVersion) -> dict[str, Any]:
        answer = describe(self)
        parts = (self.account_id, self.region, self.name, str(self.version))
        answer["Content"]["Location"] = f"{address}/_contents/{'/'.join(urllib.parse.quote(part) for part in parts)}"
        return answer

    LayerVersion.get_layer_version = described  # type: ignore[method-assign]


def _by_arn() -> None:
    def get(self: LambdaResponse) -> str:
        arn = self.querystring["Arn"][0]
        owner = arn.split(":")[4]
        version = lambda_backends[owner][self.region].layers_versions_by_arn(arn)
        asking = self.current_account
        allowed = ("*", {"AWS": f"arn:{get_partition(self.region)}:iam::{asking}:root"})
        if version is None or (
            asking != owner and not any(one["Principal"] in allowed and "Condition" not in one for one in version.policy.statements)
        ):
            raise _Denied(asking, arn)
        return json.dumps(version.get_layer_version())

    LambdaResponse.get_layer_version_by_arn = get  # type: ignore[attr-defined]
