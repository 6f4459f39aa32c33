"""Other people's suites on the code of a layer, as it lies in the zip, in the place of what pip has installed."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from local.errors import LocalError

WAY = "from rdspool.imports import imports; import sqlalchemy; print(imports().way, imports().sqlalchemy)"


@contextlib.contextmanager
def unpacked(zipped: Path) -> Iterator[Path]:
    """A folder for PYTHONPATH with the packages of a layer, and what its SQLAlchemy is without: the helpers of tests, and the sources of its extension modules.

    Raises LocalError where this Python would not load the archives of the layer.
    """
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(zipped) as opened:
            opened.extractall(folder)
        python = Path(folder, "python")
        for file in distribution("SQLAlchemy").files or ():
            there = python / file
            if file.suffix == ".py" and file.parts[0] == "sqlalchemy" and not there.exists():
                there.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), there)
        ran = subprocess.run(
            [sys.executable, "-s", "-c", WAY], env={"PYTHONPATH": str(python)}, capture_output=True, text=True, check=False
        )
        if ran.stdout.split() != ["archives", str(python / "sqlalchemy")]:
            raise LocalError(f"{zipped} is not loaded from its archives by {sys.executable}: {ran.stdout or ran.stderr.strip()[-300:]}")
        yield python
