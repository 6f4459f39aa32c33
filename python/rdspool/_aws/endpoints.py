"""What the name of an RDS endpoint says: its region, and whether it is an RDS Proxy."""

from __future__ import annotations

import re
from typing import Final

REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d+")


def region_of(host: str) -> str | None:
    """Return the region that an RDS endpoint's name carries, or None for any other name.

    `db.c1abc.eu-central-1.rds.amazonaws.com` has it before `rds`, `db.c1abc.rds.cn-north-1.amazonaws.com.cn` after.
    """
    labels = host.split(".")
    if "rds" in labels:
        at = labels.index("rds")
        for label in (labels[at - 1] if at else "", *labels[at + 1 : at + 2]):
            if REGION.fullmatch(label):
                return label
    return None


def is_proxy(host: str) -> bool:
    """Return whether the host is the endpoint of an RDS Proxy, such as `name.proxy-c1abc.eu-central-1.rds.amazonaws.com`."""
    return region_of(host) is not None and any(label.startswith("proxy-") for label in host.split("."))
