"""Which certificate authorities can have signed a database's certificate: the PEM files that the package ships.

Only those of the host's region are loaded: one region's take 1/25 of the CPU of the global bundle, and a stolen root of elsewhere is of
no use.
"""

from __future__ import annotations

import os
from typing import Final

from ..errors import SettingsError
from .endpoints import EUROPEAN_SOVEREIGN_CLOUD, is_proxy, is_rds, partition_of, region_of

ROOTS: Final = os.path.join(os.path.dirname(__file__), "roots")
PROXY_ROOTS: Final = os.path.join(ROOTS, "proxy.pem")


def root_files(host: str, region: str | None, ca: str | None) -> tuple[str, ...]:
    """Return the PEM files of the authorities that may have signed the server's certificate. `ca` replaces the shipped ones.

    An RDS endpoint's own name tells which: the region's for an instance or cluster, Amazon's public ones for a proxy. Any other name
    can be either.

    Raises SettingsError where rdspool ships none for the region. For AWS's European Sovereign Cloud, whose authorities are its own,
    it ships none of a proxy either.
    """
    if ca is not None:
        return (ca,)
    if is_proxy(host) and partition_of(region or "") != EUROPEAN_SOVEREIGN_CLOUD:
        return (PROXY_ROOTS,)
    file = os.path.join(ROOTS, f"{region}.pem")
    if region is None or not os.path.isfile(file):
        where = f"the region {region!r}" if region else f"the host {host!r}, whose region is not known"
        own = "" if is_rds(host) else "; to connect to a database of your own, for development only, set RDSPOOL_DEVELOPMENT=true"
        raise SettingsError(
            f"rdspool ships no certificate authorities for {where}: set RDSPOOL_REGION if it is wrong, "
            f"or RDSPOOL_CA to a PEM file with the authorities of your server (for RDS: the region's bundle from AWS's documentation){own}"
        )
    return (file,) if region_of(host) else (file, PROXY_ROOTS)
