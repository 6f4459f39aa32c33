"""The authorities that each contender is given: as many as on RDS, so that loading them costs what it costs there."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Bundle = Literal["region", "all", "shipped"]
ROOTS = Path(__file__).resolve().parents[2] / "python" / "rdspool" / "_aws" / "roots"
PROXY = ROOTS / "proxy.pem"


def write(folder: Path, authority: Path, region: str) -> dict[Bundle, Path]:
    """Write PEM files and return where: of the region, of all regions, and what rdspool ships for the region. The test's authority is last in each.

    AWS offers a bundle per region and one of all for download; rdspool ships the region's roots and those of RDS Proxy.
    """
    regional = ROOTS / f"{region}.pem"
    everywhere = sorted(file for file in ROOTS.glob("*.pem") if file != PROXY)
    return {
        "region": _joined(folder / "region.pem", regional, authority),
        "all": _joined(folder / "all.pem", *everywhere, authority),
        "shipped": _joined(folder / "shipped.pem", regional, PROXY, authority),
    }


def count(file: Path) -> int:
    """Return how many certificates the file holds."""
    return file.read_text().count("-----BEGIN CERTIFICATE-----")


def _joined(target: Path, *sources: Path) -> Path:
    target.write_text("\n".join(source.read_text().strip() for source in sources) + "\n")
    return target
