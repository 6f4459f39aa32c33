"""Describe the machine and the versions, on which the figures depend, without names and paths."""

from __future__ import annotations

import os
import platform
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.server import Server


def facts() -> dict[str, Any]:
    """Return processor, cores, architecture, kernel, C library and Python."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "architecture": platform.machine(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "libc": " ".join(platform.libc_ver()),
    }


def versions(packages: Mapping[str, str], server: Server) -> dict[str, str]:
    """Return the versions of Python, its OpenSSL, the server, and the given packages."""
    return {
        "Python": platform.python_version(),
        "OpenSSL": ssl.OPENSSL_VERSION.split()[1],
        {"mysql": "MySQL", "mariadb": "MariaDB"}[server.kind]: server.version,
        **dict(sorted(packages.items(), key=lambda one: one[0].lower())),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or "unknown"
