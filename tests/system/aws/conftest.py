"""A layer to publish to the AWS API on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from publishing import build


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Return a folder with one layer to publish."""
    return build(tmp_path / "dist")
