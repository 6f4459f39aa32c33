"""pytest's plugin for the run without a mutant: which test runs which lines, how long each takes, and what is imported.

Loaded with `-p tests.mutation.watch`, before anything of rdspool is imported; writes the file that $MUTATION_WATCHED names.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from pathlib import Path

import coverage
import pytest

ROOT = Path.cwd()
PACKAGE = ROOT / "python" / "rdspool"

_watched = coverage.Coverage(data_file=None, config_file=False, include=[f"{PACKAGE}/*"])
_watched.start()
_seconds = defaultdict(float)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    _watched.switch_context(item.nodeid)
    try:
        return (yield)
    finally:
        _watched.switch_context("")


def pytest_runtest_logreport(report):
    _seconds[report.nodeid] += report.duration


def pytest_sessionfinish():
    _watched.stop()
    data = _watched.get_data()
    lines = {
        str(Path(file).relative_to(PACKAGE)): {line: sorted(filter(None, tests)) for line, tests in data.contexts_by_lineno(file).items()}
        for file in data.measured_files()
    }
    # What takes its time at each start and holds nothing of rdspool. Not the modules of hypothesis that its tests import late: one of them
    # reads the tables of Unicode, against which hypothesis warns where that is before pytest has loaded its plugin.
    imported = [name for name in sys.modules if name.partition(".")[0] in ("local", "sqlalchemy", "mysql", "cryptography", "botocore")]
    Path(os.environ["MUTATION_WATCHED"]).write_text(json.dumps({"lines": lines, "seconds": _seconds, "imported": imported}))
