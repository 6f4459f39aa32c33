"""The way of large zips: through a bucket in the layer's own region, since Lambda takes only so much directly."""

from __future__ import annotations

from typing import Any

from ..errors import LayerError
from .account import Region
from .artefact import Artefact
from .errors import AwsError


def content(region: Region, artefact: Artefact, limit: int, bucket: str | None) -> dict[str, Any]:
    """Returns the Content of PublishLayerVersion: the bytes up to `limit` of them, beyond it a place in S3 where they are put first.

    `bucket` may hold {region} and {account}. Raises AwsError, and LayerError when a bucket is needed and none is given.
    """
    if len(artefact.zipped) <= limit:
        return {"ZipFile": artefact.zipped}
    if not bucket:
        raise LayerError(needed(artefact, limit))
    name = bucket.replace("{region}", region.name).replace("{account}", region.account.id)
    # Named by its content: what is there is right, and a second run uploads nothing.
    key = f"layers/{artefact.code_sha256.replace('/', '_').replace('+', '-').rstrip('=')}/{artefact.path.name}"
    resource = f"arn:{region.account.partition}:s3:::{name}/{key}"
    if not _is_there(region, name, key, resource, len(artefact.zipped)):
        region.ask("s3", "put_object", resource, Bucket=name, Key=key, Body=artefact.zipped, ContentType="application/zip")
    return {"S3Bucket": name, "S3Key": key}


def needed(artefact: Artefact, limit: int) -> str:
    """Returns the sentence that says why a bucket is needed."""
    return (
        f"{artefact.path.name} has {len(artefact.zipped):,} bytes and Lambda takes {limit:,} directly: name a bucket in each region with"
        " --bucket, such as --bucket 'my-layers-{account}-{region}'"
    )


def _is_there(region: Region, bucket: str, key: str, resource: str, size: int) -> bool:
    try:
        return bool(region.ask("s3", "head_object", resource, Bucket=bucket, Key=key)["ContentLength"] == size)
    except AwsError as error:
        # Without s3:ListBucket a missing object is 403; the upload then tells what is wrong, if anything is.
        if error.code in ("404", "NoSuchKey", "403"):
            return False
        raise
