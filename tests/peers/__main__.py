"""Other people's suites through rdspool and, beside it, through stock mysql-connector-python: `python -m tests.peers`."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlencode

import click
from rich.console import Console
from rich.table import Table

import local.server
from local.errors import LocalError
from tests.peers import sources

HERE = Path(__file__).parent
SCHEMAS = ("test", "test_schema")
USER = "peers"
DRIVERS = {"rdspool": "rdspool", "mysqlconnector": "stock (pure)"}
SECONDS = 1200  # of one run of pytest
console = Console(stderr=True, highlight=False)


# -- the suites ---------------------------------------------------------------------------------------------------------------------------


@dataclass
class Suite:
    """Where a suite runs, pytest's arguments that choose its tests, and folders for its imports."""

    title: str
    folder: Path
    arguments: list[str]
    imports: list[Path] = field(default_factory=list)


def dbapi20():
    """DB-API 2.0's own suite, from PyMySQL's source."""
    there = sources.fetched("pymysql") / "pymysql" / "tests" / "thirdparty" / "test_MySQLdb"
    return Suite("DB-API 2.0", HERE, ["dbapi20_suite.py"], [there])


def alembic():
    """Alembic's tests that run on every database."""
    source = sources.fetched("alembic")
    if source.name != f"alembic-{version('alembic')}":
        raise LocalError(f"{source.name} is not the Alembic of requirements.txt: name that one's source in sources/alembic.txt")
    return Suite(f"Alembic {version('alembic')}", source, ["-o", "addopts=", "-p", "no:logging", "--backend-only", "tests"])


def pandas():
    """The tests of pandas' read_sql() and to_sql() on MySQL."""
    spec = find_spec("pandas")
    test = Path(spec.origin).parent / "tests" / "io" / "test_sql.py"
    # The last is PyMySQL's alone: it sets an attribute of PyMySQL's connections.
    chosen = "mysql_pymysql and not pymysql_dict_cursor"
    return Suite(f"pandas {version('pandas')}", HERE, ["-c", os.devnull, "--rootdir", str(test.parent), "-k", chosen, str(test)])


SUITES = {"dbapi20": dbapi20, "alembic": alembic, "pandas": pandas}


# -- a run --------------------------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def prepared(kind):
    """A server with the databases that the suites expect, and the user's password."""
    password = secrets.token_urlsafe(12)
    with local.server.start(kind) as server:
        if server.ca is None:
            raise LocalError(f"the {kind} server's authority is not known, and rdspool verifies every server: add ?ca=FILE to its variable")
        there = {name for (name,) in server.execute("SHOW DATABASES")} & set(SCHEMAS)
        if there:
            raise LocalError(
                f"the {kind} server has a database {min(there)!r}, which the suites would empty: rename it, or name another server"
            )
        server.execute(f"CREATE USER {USER}@'%' IDENTIFIED BY '{password}'", f"GRANT ALL ON *.* TO {USER}@'%'")
        try:
            yield server, password
        finally:
            server.execute(f"DROP USER {USER}@'%'", *(f"DROP DATABASE IF EXISTS {name}" for name in SCHEMAS))


def target(suite, server, driver, password):
    """Return what peers_plugin.py has to know."""
    backend = "mysql" if suite == "pandas" else server.kind
    options = {"ca": str(server.ca)}
    if driver != "rdspool":
        options = {"ssl_ca": str(server.ca), "ssl_verify_cert": True, "use_pure": True}
        if server.kind == "mariadb":
            options["collation"] = "utf8mb4_general_ci"  # its own choice is MySQL's, which MariaDB refuses
    query = urlencode({name: str(value).lower() if value is True else value for name, value in options.items()})
    return {
        "suite": suite,
        "driver": driver,
        "url": f"{backend}+{driver}://{USER}:{password}@{server.host}:{server.port}/test?{query}",
        "connect": {"host": server.host, "port": server.port, "user": USER, "password": password, "database": "test", **options},
    }


@dataclass
class Run:
    """How each test of a suite ended, by name: passed, failed, skipped or xfailed (failed as the suite itself expects); and the reasons of the failures."""

    outcomes: dict[str, str]
    reasons: dict[str, str]
    status: int

    @property
    def counts(self):
        """How many tests ended each way."""
        return Counter(self.outcomes.values())

    @property
    def whole(self):
        """Whether pytest came to its end and tests passed, and no package was missing, which would void the comparison."""
        missing = any("ImportError" in reason or "ModuleNotFoundError" in reason for reason in self.reasons.values())
        return self.status in (0, 1) and self.counts["passed"] > 0 and not missing


def run(name, suite, server, driver, password):
    """Run a suite with one driver in databases that are empty."""
    console.rule(f"{suite.title}, {DRIVERS[driver]}, {server.kind} {server.version.partition('-')[0]}")
    for schema in SCHEMAS:
        server.execute(f"DROP DATABASE IF EXISTS {schema}")
        server.database(schema, charset="utf8mb4")
    with tempfile.NamedTemporaryFile() as results:
        environment = {
            **os.environ,
            "PEERS_TARGET": json.dumps(target(name, server, driver, password)),
            "PEERS_RESULTS": results.name,
            "PYTHONPATH": os.pathsep.join(map(str, [HERE, *suite.imports])),
        }
        command = [sys.executable, "-s", "-m", "pytest", "-q", "--tb", "short", "-p", "peers_plugin", "-p", "no:cacheprovider"]
        command += ["--timeout", "60", *suite.arguments]
        status = subprocess.run(command, cwd=suite.folder, env=environment, check=False, timeout=SECONDS).returncode
        told = json.loads(Path(results.name).read_text() or "{}")
    return Run(told.get("outcomes", {}), told.get("reasons", {}), status)


# -- what came of it ----------------------------------------------------------------------------------------------------------------------


def expectations(listed, kind):
    """Return the reasons of the tests that are to fail on a kind of server."""
    expected = {}
    for name, why in listed.items():
        only, found, rest = name.partition(": ")
        if not (found and only in local.server.KINDS):
            expected[name] = why
        elif only == kind:
            expected[rest] = why
    return expected


def surprises(ours, stock, expected):
    """Return what expected.toml does not say: lines of text. A skip, or a failure that the suite expects, counts where stock has none."""
    found = []
    if not ours.whole or not stock.whole:
        found.append(f"pytest ended with {ours.status} and {stock.status}: a run is not whole")
    for name, outcome in ours.outcomes.items():
        worse = outcome == "failed" or (outcome != "passed" and stock.outcomes.get(name) != outcome)
        if worse and name not in expected:
            found.append(f"{name} {outcome}: {ours.reasons.get(name, 'with stock it is not')[:600]}")
        elif not worse and name in expected:
            found.append(f"{name} is in expected.toml, and {outcome}: take it out")
    found += [f"{name} did not run, which it did with stock" for name in stock.outcomes.keys() - ours.outcomes.keys()]
    found += [f"{name} is in expected.toml, and there is no such test" for name in expected.keys() - ours.outcomes.keys()]
    return found


def closing(done, expected):
    """Print the differences, the surprises and the table. Return whether there was no surprise."""
    figures = Table("suite", "server", "driver", "passed", "failed", "skipped", "xfailed", box=None)
    differences = []
    unexpected = []
    for (name, title, server), (ours, stock) in done.items():
        reasons = expectations(expected.get(name, {}), server.partition(" ")[0])
        for driver, its in zip(DRIVERS.values(), (ours, stock), strict=True):
            figures.add_row(title, server, driver, *(str(its.counts[outcome]) for outcome in ("passed", "failed", "skipped", "xfailed")))
        for test in sorted(ours.outcomes.keys() | stock.outcomes.keys()):
            one, other = ours.outcomes.get(test, "absent"), stock.outcomes.get(test, "absent")
            if one != other:
                why = reasons.get(test) or stock.reasons.get(test, ours.reasons.get(test, "")).partition("\n")[0][:200]
                differences.append(f"{title}, {server}: {test} {one}, with stock {other}: {why}")
        unexpected += [f"{title}, {server}: {text}" for text in surprises(ours, stock, reasons)]
    for text in differences + [f"NOT EXPECTED: {text}" for text in unexpected]:
        console.print(text, soft_wrap=True, markup=False)
    console.print(figures, soft_wrap=True)
    return not unexpected


@click.command()
@click.option("--server", "kinds", type=click.Choice(local.server.KINDS), multiple=True, help="Only this server.")
@click.argument("names", nargs=-1, type=click.Choice(list(SUITES)))
def main(kinds, names):
    """Run other people's suites, or those that are named, through rdspool and stock mysql-connector-python."""
    suites = {name: SUITES[name]() for name in SUITES if not names or name in names}
    done = {}
    for kind in local.server.KINDS:
        if kinds and kind not in kinds:
            continue
        with prepared(kind) as (server, password):
            for name, suite in suites.items():
                runs = tuple(run(name, suite, server, driver, password) for driver in DRIVERS)
                done[name, suite.title, f"{kind} {server.version.partition('-')[0]}"] = runs
    sys.exit(0 if closing(done, tomllib.loads((HERE / "expected.toml").read_text())) else 1)


if __name__ == "__main__":
    try:
        main()
    except LocalError as error:
        console.print(f"tests.peers: {error}", markup=False)
        sys.exit(1)
