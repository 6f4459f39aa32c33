"""What the name of an RDS endpoint says: its region, the region's partition, and whether it is an RDS Proxy."""

from __future__ import annotations

import re
from typing import Final

REGION: Final = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d+")
"""A region's name. It begins with its place, which has two letters, or with its partition's, which can have more: `eusc-de-east-1`."""

EUROPEAN_SOVEREIGN_CLOUD: Final = "aws-eusc"
_PARTITIONS: Final = {
    "cn": "aws-cn",
    "us-gov": "aws-us-gov",
    "eusc": EUROPEAN_SOVEREIGN_CLOUD,
    "us-iso": "aws-iso",
    "us-isob": "aws-iso-b",
    "eu-isoe": "aws-iso-e",
    "us-isof": "aws-iso-f",
}
"""The partitions of AWS by how their regions' names begin; all other regions are in `aws`. As in botocore's partitions.json."""


def partition_of(region: str) -> str:
    """Return the partition of a region, which is the second part of each ARN there."""
    return next((partition for start, partition in _PARTITIONS.items() if region.startswith(f"{start}-")), "aws")


def region_of(host: str) -> str | None:
    """Return the region that an RDS endpoint's name carries, or None for any other name.

    `db.c1abc.eu-central-1.rds.amazonaws.com` has it before `rds`, `db.c1abc.rds.cn-north-1.amazonaws.com.cn` after.
    """
    return _parts(host)[1]


def region_of_arn(name: str) -> str | None:
    """Return the region of an ARN, None for any other text."""
    parts = name.split(":")
    return parts[3] or None if parts[0] == "arn" and len(parts) > 5 else None


def is_rds(host: str) -> bool:
    """Return whether the host is an endpoint of RDS in any partition, or looks like one."""
    return region_of(host) is not None or ".rds.amazonaws." in f"{host}."


def is_proxy(host: str) -> bool:
    """Return whether the host is the endpoint of an RDS Proxy.

    `NAME.proxy-ID.REGION.rds.amazonaws.com` is a proxy's own, `NAME.endpoint.proxy-ID.REGION.rds.amazonaws.com` one that was added to
    it. NAME is the customer's choice and says nothing: an instance can be called proxy-db.
    """
    own, region = _parts(host)
    return region is not None and len(own) > 1 and own[-1].startswith("proxy-") and (len(own) == 2 or own[1:-1] == ["endpoint"])


def _parts(host: str) -> tuple[list[str], str | None]:
    """Return the labels before the region and `rds`, and the region; no labels and None for a name that has no region there."""
    labels = host.split(".")
    if "rds" in labels:
        at = labels.index("rds")
        if at and REGION.fullmatch(labels[at - 1]):
            return labels[: at - 1], labels[at - 1]
        if at + 1 < len(labels) and REGION.fullmatch(labels[at + 1]):
            return labels[:at], labels[at + 1]
    return [], None
