"""SQLAlchemy's suites through rdspool, on real servers: `python -m tests.dialect`."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlencode

import click
from rich.console import Console
from rich.table import Table

import local.server
from local.errors import LocalError
from tests import layered, suites
from tests.dialect import repository

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
SCHEMAS = ("test", "test_schema", "test_schema_2")
USER = "suite"
console = Console(stderr=True, highlight=False)


@dataclass
class Outcome:
    """How one run of pytest ended."""

    server: str
    url: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    status: int = 0

    @property
    def well(self):
        """Whether tests ran and none failed."""
        return self.status == 0 and self.passed > 0


def backends(kind, only_own):
    """Return the names before the + of the dialects to test on a server: on MariaDB also `mysql`, which get_engine() uses on any server.

    `only_own` leaves it out: what SQLAlchemy's repository knows of MariaDB goes by the name `mariadb`, and stock is not ours to test.
    """
    return [kind] if only_own or kind == "mysql" else [kind, "mysql"]


def run(server, backend, driver, password, folder, arguments, layer=None):
    """Run pytest in `folder`, through the dialect `backend+driver`, and return its outcome. `layer` is a folder with a layer's packages."""
    query = urlencode(suites.as_query(suites.options(server, driver)))
    url = f"{backend}+{driver}://{USER}:{password}@{server.host}:{server.port}/test?{query}"
    return pytest(Outcome(f"{server.kind} {server.version.partition('-')[0]}", f"{backend}+{driver}"), url, folder, arguments, layer)


def pytest(outcome, url, folder, arguments, layer):
    """Run pytest in `folder` with the engine's URL, and return the outcome with its counts."""
    console.rule(f"{outcome.url} on {outcome.server}, SQLAlchemy {version('SQLAlchemy')}")
    with tempfile.NamedTemporaryFile() as counts:
        environment = {
            **os.environ,
            "DIALECT_URL": url,
            "DIALECT_COUNTS": counts.name,
            "PYTHONPATH": os.pathsep.join(str(path) for path in (layer, PROJECT) if path),
        }
        # -s: SQLAlchemy's repository would otherwise test the library beside it, and not the one that is installed.
        command = [sys.executable, "-s", "-m", "pytest", "-p", "tests.dialect.plugin", *arguments]
        outcome.status = subprocess.run(command, cwd=folder, env=environment, check=False).returncode
        told = json.loads(Path(counts.name).read_text() or "{}")
    outcome.passed, outcome.skipped = told.get("passed", 0), told.get("skipped", 0)
    outcome.failed = told.get("failed", 0) + told.get("error", 0)
    return outcome


def closing(outcomes):
    """Print the table of outcomes, and return whether all is well."""
    table = Table("server", "dialect", "passed", "failed", "skipped", "", box=None)
    for outcome in outcomes:
        counts = (str(count) for count in (outcome.passed, outcome.failed, outcome.skipped))
        table.add_row(outcome.server, outcome.url, *counts, "passes" if outcome.well else "FAILS")
    console.print(table, soft_wrap=True)
    return all(outcome.well for outcome in outcomes)


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--server", "kinds", type=click.Choice(local.server.KINDS), multiple=True, help="Only this server.")
@click.option("--stock", is_flag=True, help="Through mysqlconnector itself, for comparison.")
@click.option("--repository", "whole", is_flag=True, help="The tests of SQLAlchemy's repository, fetched, that exercise a dialect.")
@click.option("--layer", "zipped", type=click.Path(path_type=Path, exists=True), help="On the code of this layer, in the place of pip's.")
@click.option("--sqlite", is_flag=True, help="With --repository: all of SQLAlchemy's tests, on SQLite, as its developers run them.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(kinds, stock, whole, zipped, sqlite, arguments):
    """Run SQLAlchemy's dialect suite through rdspool. ARGUMENTS go to pytest."""
    driver = "mysqlconnector" if stock else "rdspool"
    if whole and not repository.available():
        raise click.UsageError(f"--repository runs with the SQLAlchemy that {repository.LOCK.name} names, and this is {repository.VERSION}")
    folder = repository.fetched() if whole else HERE
    if sqlite and not whole:
        raise click.UsageError("--sqlite is for --repository")
    given = (repository.arguments(arguments, sqlite) if whole else ["-q", "-p", "sqlalchemy.testing.plugin.pytestplugin"]) + list(arguments)
    outcomes = []
    with layered.unpacked(zipped) if zipped else contextlib.nullcontext() as layer:
        if sqlite:
            outcomes = [pytest(Outcome("SQLite", "sqlite"), "sqlite:///:memory:", folder, given, layer)]
        for kind in () if sqlite else local.server.KINDS:
            if not kinds or kind in kinds:
                with suites.prepared(kind, SCHEMAS, USER) as (server, password):
                    urls = backends(kind, only_own=stock or whole)
                    outcomes += [run(server, backend, driver, password, folder, given, layer) for backend in urls]
    sys.exit(0 if closing(outcomes) else 1)


if __name__ == "__main__":
    try:
        main()
    except LocalError as error:
        console.print(f"tests.dialect: {error}", markup=False)
        sys.exit(1)
