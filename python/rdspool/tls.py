"""The TLS context: made once per set of roots, always verifying the certificate and the name.

It holds only the roots that can have signed the server: those of RDS in the host's region, or Amazon's public ones, which RDS
Proxy uses. Loading one region's takes 1/25 of the CPU of the global bundle, and a stolen root of elsewhere is of no use.
"""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from typing import Final

from .errors import SettingsError
from .settings import Settings, region_of

ROOTS: Final = Path(__file__).parent / "_aws" / "roots"
PROXY_ROOTS: Final = ROOTS / "proxy.pem"

_contexts: dict[tuple[str, ...], ssl.SSLContext] = {}
_lock = threading.Lock()


def root_files(settings: Settings) -> tuple[str, ...]:
    """Return the PEM files of the authorities that may have signed the server's certificate.

    An RDS endpoint's own name tells which: the region's for an instance or cluster, Amazon's public ones for a proxy. Any other name
    can be either.

    Raises SettingsError where rdspool ships none for the region.
    """
    if settings.ca is not None:
        return (settings.ca,)
    region = ROOTS / f"{settings.region}.pem"
    if is_proxy(settings.host):
        return (str(PROXY_ROOTS),)
    if settings.region is None or not region.is_file():
        where = f"the region {settings.region!r}" if settings.region else f"the host {settings.host!r}, whose region is not known"
        raise SettingsError(
            f"rdspool ships no certificate authorities for {where}: set RDSPOOL_REGION if it is wrong, "
            "or RDSPOOL_CA to a PEM file with the authorities of your server (for RDS: the region's bundle from AWS's documentation)"
        )
    return (str(region),) if region_of(settings.host) else (str(region), str(PROXY_ROOTS))


def is_proxy(host: str) -> bool:
    """Return whether the host is the endpoint of an RDS Proxy, such as `name.proxy-c1abc.eu-central-1.rds.amazonaws.com`."""
    return region_of(host) is not None and any(label.startswith("proxy-") for label in host.split("."))


def single_root_file(settings: Settings) -> str:
    """Return the one PEM file for a driver that takes no more: of two, the region's."""
    return root_files(settings)[0]


def context(files: tuple[str, ...]) -> ssl.SSLContext:
    """Return the process's TLS context with the authorities of these PEM files and no others.

    Raises SettingsError for a file that holds no certificate.
    """
    with _lock:
        kept = _contexts.get(files)
        if kept is None:
            kept = _contexts[files] = _new(files)
        return kept


def after_fork() -> None:
    """In the child of a fork: another thread of the parent's may have held the lock."""
    global _lock
    _lock = threading.Lock()


def _new(files: tuple[str, ...]) -> ssl.SSLContext:
    # PROTOCOL_TLS_CLIENT sets CERT_REQUIRED and check_hostname; nothing in rdspool turns them off.
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    for file in files:
        try:
            made.load_verify_locations(cafile=file)
        except (ssl.SSLError, OSError) as error:
            raise SettingsError(f"RDSPOOL_CA is {file!r}, which can't be read as a PEM file of certificates: {error}") from None
    return made
