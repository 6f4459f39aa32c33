"""Other people's suites through rdspool and, beside it, through stock mysql-connector-python: `python -m tests.peers`."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlencode

import click
from rich.console import Console

import local.server
from local.errors import LocalError
from tests import layered, suites
from tests.peers import report

HERE = Path(__file__).parent
SOURCES = HERE / "sources"
SCHEMAS = ("test", "test_schema")
USER = "peers"
OPTIONS = ["-q", "--tb", "short", "--timeout", "60", "-p", "peers_plugin", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
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
    there = suites.source(SOURCES / "pymysql.txt") / "pymysql" / "tests" / "thirdparty" / "test_MySQLdb"
    return Suite("DB-API 2.0", HERE, ["dbapi20_suite.py"], [there])


def alembic():
    """Alembic's tests that run on every database."""
    source = suites.source(SOURCES / "alembic.txt")
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


def pymysql():
    """PyMySQL's own tests, with `shim.py` in PyMySQL's place."""
    source = suites.source(SOURCES / "pymysql.txt")
    return Suite(source.name.replace("-", " "), source / "pymysql" / "tests", ["--rootdir", ".", "."])


def mysqlclient():
    """mysqlclient's own tests, with `shim.py` in its place."""
    # Its setup asks where a C library is, which only a build would need.
    source = suites.source(SOURCES / "mysqlclient.txt", {"MYSQLCLIENT_CFLAGS": "-I.", "MYSQLCLIENT_LDFLAGS": "-L."})
    return Suite(source.name.replace("-", " "), source / "tests", ["--rootdir", ".", "."])


SUITES = {"dbapi20": dbapi20, "pymysql": pymysql, "mysqlclient": mysqlclient, "alembic": alembic, "pandas": pandas}


# -- a run --------------------------------------------------------------------------------------------------------------------------------


def target(suite, server, driver, password):
    """Return what peers_plugin.py has to know."""
    backend = "mysql" if suite == "pandas" else server.kind
    options = suites.options(server, driver)
    query = urlencode(suites.as_query(options))
    return {
        "suite": suite,
        "driver": driver,
        "url": f"{backend}+{driver}://{USER}:{password}@{server.host}:{server.port}/test?{query}",
        "connect": {"host": server.host, "port": server.port, "user": USER, "password": password, "database": SCHEMAS[0], **options},
        "schemas": SCHEMAS,
    }


def run(name, suite, server, driver, password, layer):
    """Run a suite with one driver in databases that are empty; rdspool on the code of a layer, if its folder is given."""
    console.rule(f"{suite.title}, {report.DRIVERS[driver]}, {server.kind} {server.version.partition('-')[0]}")
    suites.empty(server, SCHEMAS)
    with tempfile.NamedTemporaryFile() as results:
        environment = {
            **os.environ,
            "PEERS_TARGET": json.dumps(target(name, server, driver, password)),
            "PEERS_RESULTS": results.name,
            "PYTHONPATH": os.pathsep.join(map(str, [HERE, *suite.imports, *([layer] if layer and driver == "rdspool" else [])])),
        }
        command = [sys.executable, "-s", "-m", "pytest", *OPTIONS, *suite.arguments]
        status = subprocess.run(command, cwd=suite.folder, env=environment, check=False, timeout=SECONDS).returncode
        told = json.loads(Path(results.name).read_text() or "{}")
    return report.Run(told.get("outcomes", {}), told.get("reasons", {}), status)


# -- the command --------------------------------------------------------------------------------------------------------------------------


@click.command()
@click.option("--server", "kinds", type=click.Choice(local.server.KINDS), multiple=True, help="Only this server.")
@click.option(
    "--layer", "zipped", type=click.Path(path_type=Path, exists=True), help="rdspool on the code of this layer, in the place of pip's."
)
@click.option("--write", is_flag=True, help="Write the figures into README.md. All suites, on all servers.")
@click.argument("names", nargs=-1, type=click.Choice(list(SUITES)))
def main(kinds, zipped, write, names):
    """Run other people's suites, or those that are named, through rdspool and stock mysql-connector-python."""
    if write and (kinds or names or zipped):
        raise click.UsageError("--write takes the figures of one whole run: leave the names of suites, servers and the layer out")
    chosen = {name: SUITES[name]() for name in SUITES if not names or name in names}
    outcomes = []
    with layered.unpacked(zipped) if zipped else contextlib.nullcontext() as layer:
        for kind in local.server.KINDS:
            if kinds and kind not in kinds:
                continue
            with suites.prepared(kind, SCHEMAS, USER) as (server, password):
                for name, suite in chosen.items():
                    ours, stock = (run(name, suite, server, driver, password, layer) for driver in report.DRIVERS)
                    outcomes.append(report.Outcome(name, suite.title, kind, server.version.partition("-")[0], ours, stock))
    outcomes.sort(key=lambda outcome: list(SUITES).index(outcome.suite))
    expected = report.Expected.load(HERE / "expected.toml")
    unexpected = [text for outcome in outcomes for text in report.surprises(outcome, expected)]
    for text in report.differences(outcomes, expected) + [f"NOT EXPECTED: {text}" for text in unexpected]:
        console.print(text, soft_wrap=True, markup=False)
    tables = report.markdown(outcomes, expected)
    console.print(f"\n{tables}", soft_wrap=True, markup=False)
    if write and not unexpected:
        report.put(HERE / "README.md", tables)
    sys.exit(1 if unexpected else 0)


if __name__ == "__main__":
    try:
        main()
    except LocalError as error:
        console.print(f"tests.peers: {error}", markup=False)
        sys.exit(1)
