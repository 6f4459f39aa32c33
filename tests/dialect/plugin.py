"""Points SQLAlchemy's suites at the server that the environment names, and leaves the counts where it says.

DIALECT_URL is the engine's URL: with its password it belongs on no command line. DIALECT_COUNTS names a file.
"""

import json
import os
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.option.dburi = [os.environ["DIALECT_URL"]]


def pytest_sessionstart():
    """Let what SQLAlchemy's repository says of mysqlconnector count for rdspool, which has the same literals and errors."""
    from sqlalchemy.testing.exclusions import SpecPredicate

    applies = SpecPredicate.__call__

    def applies_to_either(self, config):
        if applies(self, config):
            return True
        if config is None or config.db.driver != "rdspool" or not self.db.endswith("+mysqlconnector"):
            return False
        return self.db in ("+mysqlconnector", f"{config.db.name}+mysqlconnector")

    SpecPredicate.__call__ = applies_to_either


def pytest_terminal_summary(terminalreporter):
    counts = {name: len(terminalreporter.stats.get(name, [])) for name in ("passed", "failed", "error", "skipped", "xfailed")}
    Path(os.environ["DIALECT_COUNTS"]).write_text(json.dumps(counts))
