"""Write the authorities for the contenders: as many as on RDS, so that loading them takes as long as there."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Bundle = Literal["region", "all", "others"]
ROOTS = Path(__file__).resolve().parents[2] / "python" / "rdspool" / "_aws" / "roots"
PROXY = ROOTS / "proxy.pem"


def write(folder: Path, authority: Path, region: str) -> dict[Bundle, Path]:
    """Write PEM files for the region, for all regions, and `others`. Return their paths.

    AWS offers a bundle per region and one for all regions. For an instance or a cluster, rdspool loads the roots of its region, which it
    ships. Each file ends with the test authority, except `others`, with which no contender may connect.
    """
    regional = ROOTS / f"{region}.pem"
    everywhere = sorted(file for file in ROOTS.glob("*.pem") if file != PROXY)
    return {
        "region": _joined(folder / "region.pem", regional, authority),
        "all": _joined(folder / "all.pem", *everywhere, authority),
        "others": _joined(folder / "others.pem", regional),
    }


def count(file: Path) -> int:
    """Return the number of certificates in a file."""
    return file.read_text().count("-----BEGIN CERTIFICATE-----")


def _joined(target: Path, *sources: Path) -> Path:
    target.write_text("\n".join(source.read_text().strip() for source in sources) + "\n")
    return target
