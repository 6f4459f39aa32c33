"""Sign a zip with AWS Signer, so that functions with code signing accept it. The signature is added to the zip, so its hash changes.

AWS Signer signs a version of an S3 object, so the zip goes through a versioned bucket.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import documents
from ..building import archive
from ..building.assemble import Layer, replace
from ..building.source import epoch, source
from ..checks.finding import SIGNER_FILE, Contents, read
from ..errors import LayerError
from ..evidence import sbom, writing
from ..matrix import Target
from .account import Region

WAIT = 180.0  # seconds; a job usually takes some seconds
INTERVAL = 2.0  # seconds


def sign(region: Region, path: Path, target: Target, *, profile: str, bucket: str, output: Path, progress: Callable[[str], None]) -> Layer:
    """Sign a zip with the signing profile `profile`, write the signed layer to the folder `output`, and return it.

    Its manifest has the new hashes, the job, and the hash before the signature. It gets a new SBOM and keeps the provenance of the
    unsigned zip. Raise AwsError when a call fails, and LayerError when the job fails or returns other files than it received.
    """
    unsigned = read(path, target)
    try:
        described = documents.read(path.with_suffix(".json"))
    except FileNotFoundError as error:
        raise LayerError(f"{error.filename} is missing: build the layer again before you sign it") from error
    manifest = described.content
    if described.text("sha256") != archive.sha256(unsigned.zipped):
        raise LayerError(f"{path} is not the zip of its manifest: build it again before you sign it")
    if SIGNER_FILE in unsigned.files:
        raise LayerError(f"{path} already has a signature of AWS Signer, which does not sign twice: sign the zip that ./build.sh made")
    progress("uploading")
    prefix = f"unsigned/{manifest['sha256']}/"
    version = _upload(region, bucket, prefix + path.name, unsigned.zipped)
    progress("signing")
    job = _job(region, bucket, prefix + path.name, version, profile)
    progress("downloading")
    data = _download(region, **job["signedObject"]["s3"])
    output.mkdir(parents=True, exist_ok=True)
    signed_path = output / path.name
    replace(signed_path, data)
    try:
        signed = read(signed_path, target)
        _check(unsigned, signed)
    except LayerError:
        signed_path.unlink()
        raise
    return _describe(signed, manifest, job, path)


def _upload(region: Region, bucket: str, key: str, data: bytes) -> str:
    resource = f"arn:{region.account.partition}:s3:::{bucket}/{key}"
    version = region.ask("s3", "put_object", resource, Bucket=bucket, Key=key, Body=data, ContentType="application/zip").get("VersionId")
    if not version:
        raise LayerError(
            f"the bucket {bucket} is not versioned, and AWS Signer signs versions of objects: "
            f"aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled"
        )
    return str(version)


def _job(region: Region, bucket: str, key: str, version: str, profile: str) -> dict[str, Any]:
    resource = region.arn("signer", f"/signing-profiles/{profile}")
    started = region.ask(
        "signer",
        "start_signing_job",
        resource,
        source={"s3": {"bucketName": bucket, "key": key, "version": version}},
        destination={"s3": {"bucketName": bucket, "prefix": "signed/"}},
        profileName=profile,
    )
    place = region.arn("signer", f"/signing-jobs/{started['jobId']}")
    deadline = time.monotonic() + WAIT
    while True:
        job = region.ask("signer", "describe_signing_job", place, jobId=started["jobId"])
        if job["status"] == "Succeeded":
            return job
        if job["status"] == "Failed":
            raise LayerError(f"AWS Signer's job {job['jobId']} in {region.name} failed: {job.get('statusReason', 'no reason given')}")
        if time.monotonic() > deadline:
            raise LayerError(f"AWS Signer's job {job['jobId']} in {region.name} has not finished after {WAIT:.0f} s: see the console")
        time.sleep(INTERVAL)


def _download(region: Region, bucketName: str, key: str) -> bytes:  # noqa: N803  the names in AWS's answer
    resource = f"arn:{region.account.partition}:s3:::{bucketName}/{key}"
    body: bytes = region.ask("s3", "get_object", resource, Bucket=bucketName, Key=key)["Body"].read()
    return body


def _check(unsigned: Contents, signed: Contents) -> None:
    if SIGNER_FILE not in signed.files:
        raise LayerError(f"AWS Signer returned {signed.path.name} without {SIGNER_FILE}: was the profile made for AWSLambda-SHA384-ECDSA?")
    if {path: data for path, data in signed.files.items() if path != SIGNER_FILE} != unsigned.files:
        raise LayerError(f"AWS Signer returned {signed.path.name} with other files than it received: do not publish it")


def _describe(signed: Contents, manifest: dict[str, Any], job: dict[str, Any], unsigned: Path) -> Layer:
    described = manifest | {
        "sha256": archive.sha256(signed.zipped),
        "code_sha256": archive.code_sha256(signed.zipped),
        "contents_sha256": archive.contents_sha256(signed.files),
        "zipped_bytes": len(signed.zipped),
        "unzipped_bytes": signed.unzipped_bytes,
        "files": len(signed.files),
        "signed": {
            "by": "AWS Signer",
            "profile": job["profileName"],
            "profile_version": job.get("profileVersion"),
            "job": job["jobId"],
            "unsigned_sha256": manifest["sha256"],
        },
    }
    manifest_path = signed.path.with_suffix(".json")
    replace(manifest_path, (json.dumps(described, indent=2) + "\n").encode())
    replace(signed.path.with_suffix(writing.SBOM), sbom.sbom(signed, described, epoch(source())).encode())
    provenance = unsigned.with_suffix(writing.PROVENANCE)
    if provenance.is_file():
        shutil.copyfile(provenance, signed.path.with_suffix(writing.PROVENANCE))
    return Layer(signed.path, manifest_path, described)
