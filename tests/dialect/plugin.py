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


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart():
    _keep_the_url()
    _take_rdspool_for_mysqlconnector()


def _keep_the_url():
    """Test the URL as given: on a MariaDB server SQLAlchemy's suites go on with mariadb+..., and would never test mysql+... there."""
    from sqlalchemy.dialects.mysql.base import MySQLDialect

    MySQLDialect._is_mariadb_from_url = lambda _: False


def _take_rdspool_for_mysqlconnector():
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


@pytest.hookimpl(tryfirst=True)
def pytest_collection():
    # Only now: imported before SQLAlchemy's plugin has begun, the suite would have no fixtures.
    _tell_streams_apart()


def _tell_streams_apart():
    """Let the suite know rdspool's streaming cursors: it has a list of drivers in it, and takes every other one's for buffered."""
    from rdspool._driver.streams import StreamingCursor
    from sqlalchemy.testing.suite.test_results import ServerSideCursorsTest

    known = ServerSideCursorsTest._is_server_side

    def is_server_side(self, cursor):
        return isinstance(cursor, StreamingCursor) if self.engine.dialect.driver == "rdspool" else known(self, cursor)

    ServerSideCursorsTest._is_server_side = is_server_side


def pytest_terminal_summary(terminalreporter):
    counts = {name: len(terminalreporter.stats.get(name, [])) for name in ("passed", "failed", "error", "skipped", "xfailed")}
    Path(os.environ["DIALECT_COUNTS"]).write_text(json.dumps(counts))
