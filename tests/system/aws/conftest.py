"""The AWS API on this machine, and a layer to publish to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from publishing import build

import local.aws


@pytest.fixture(scope="session")
def aws_api() -> Iterator[local.aws.Aws]:
    """Return the AWS API on this machine, kept to the end of the session."""
    with local.aws.start() as running:
        yield running


@pytest.fixture
def aws(aws_api: local.aws.Aws) -> local.aws.Aws:
    """Return the AWS API without resources, faults and recorded calls."""
    aws_api.reset()
    return aws_api


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Return a folder with one layer to publish."""
    return build(tmp_path / "dist")
