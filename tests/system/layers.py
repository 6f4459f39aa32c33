"""Which layers the tests build: those for this machine and the running Python, unless a test names others."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Protocol

HERE = ".".join(map(str, sys.version_info[:2]))
"""The running Python, for example 3.13."""
MACHINE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
"""This machine's architecture, in Lambda's words."""


class LayerOf(Protocol):
    """The fixture `layer_of`."""

    def __call__(self, architecture: str = MACHINE, python: str = HERE) -> Path:
        """Return the zip of a built layer, with all that lies beside it. It is not to be changed."""
