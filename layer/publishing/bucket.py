"""Upload zips that are too large for a direct upload to Lambda to a bucket in the layer's region."""

from __future__ import annotations

from typing import Any

from ..errors import LayerError
from .account import Region
from .artefact import Artefact
from .errors import AwsError


def content(region: Region, artefact: Artefact, limit: int, bucket: str | None) -> dict[str, Any]:
    """Return the Content of PublishLayerVersion: the zip if it has at most `limit` bytes, otherwise its S3 object after an upload.

    {region} and {account} in `bucket` are replaced. Raise AwsError when a call fails, and LayerError when a bucket is needed but not given.
    """
    if len(artefact.zipped) <= limit:
        return {"ZipFile": artefact.zipped}
    if not bucket:
        raise LayerError(bucket_needed(artefact, limit))
    name = bucket.replace("{region}", region.name).replace("{account}", region.account.id)
    # The key contains the hash of the zip, so an existing object has the right content and a second run uploads nothing.
    key = f"layers/{artefact.code_sha256.replace('/', '_').replace('+', '-').rstrip('=')}/{artefact.path.name}"
    resource = f"arn:{region.account.partition}:s3:::{name}/{key}"
    if not _is_there(region, name, key, resource, len(artefact.zipped)):
        region.ask("s3", "put_object", resource, Bucket=name, Key=key, Body=artefact.zipped, ContentType="application/zip")
    return {"S3Bucket": name, "S3Key": key}


def bucket_needed(artefact: Artefact, limit: int) -> str:
    """Return the error message for a zip that needs a bucket."""
    return (
        f"{artefact.path.name} has {len(artefact.zipped):,} bytes and Lambda accepts {limit:,} directly: name a bucket in each region with"
        " --bucket, such as --bucket 'my-layers-{account}-{region}'"
    )


def _is_there(region: Region, bucket: str, key: str, resource: str, size: int) -> bool:
    try:
        return bool(region.ask("s3", "head_object", resource, Bucket=bucket, Key=key)["ContentLength"] == size)
    except AwsError as error:
        # Without s3:ListBucket a missing object is a 403. If something else is wrong, the upload fails with the reason.
        if error.code in ("404", "NoSuchKey", "403"):
            return False
        raise
