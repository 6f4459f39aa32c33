"""rdspool.testing and its plugin: the tests of small projects, run by pytest as their users run them, with real servers."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from urllib.parse import quote

import pytest
from users_pytest import run_pytest

from layer.matrix import PROJECT

HANDLER = """
from rdspool import get_engine, run
from sqlalchemy import text

engine = get_engine()


def handler(event, context):
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO pet (name) VALUES (:name)"), event)
        if event["name"] == "Nemo":
            raise LookupError("there is no Nemo")
    with engine.connect() as connection:
        return [row.name for row in connection.execute(text("SELECT name FROM pet ORDER BY name"))]
"""
CONFTEST = """
import pytest
from sqlalchemy import text


@pytest.fixture(scope="session")
def table(rdspool_engine):
    with rdspool_engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS pet"))
        connection.execute(text("CREATE TABLE pet (name VARCHAR(20) PRIMARY KEY)"))
    yield
    with rdspool_engine.begin() as connection:
        connection.execute(text("DROP TABLE pet"))


@pytest.fixture
def pets(table, rdspool_rollback):
    def names():
        with rdspool_rollback.connect() as connection:
            return list(connection.execute(text("SELECT name FROM pet ORDER BY name")).scalars())

    return names
"""
TESTS = """
import pytest
from handler import engine, handler
from rdspool import get_engine, run
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker


@pytest.mark.parametrize("once_more", [False, True])
def test_a_handler_commits_and_the_next_test_does_not_see_it(pets, lambda_context, once_more):
    assert handler({"name": "Rex"}, lambda_context) == ["Rex"]
    assert handler({"name": "Ada"}, lambda_context) == ["Ada", "Rex"]
    assert pets() == ["Ada", "Rex"]


def test_what_the_handler_rolls_back_is_gone_and_the_rest_stays(pets):
    handler({"name": "Rex"}, None)
    with pytest.raises(LookupError):
        handler({"name": "Nemo"}, None)
    assert pets() == ["Rex"]


def test_units_sessions_and_autocommit(pets, rdspool_rollback):
    run(engine, lambda connection: connection.execute(text("INSERT INTO pet VALUES ('Ada')")))
    run(sessionmaker(engine), lambda session: session.execute(text("INSERT INTO pet VALUES ('Bob')")))
    with Session(engine) as session:
        session.execute(text("INSERT INTO pet VALUES ('Cid')"))
        session.commit()
        session.execute(text("INSERT INTO pet VALUES ('Dan')"))
        session.rollback()
        with session.begin(), session.begin_nested():
            session.execute(text("INSERT INTO pet VALUES ('Eve')"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("INSERT INTO pet VALUES ('Fay')"))
    assert pets() == ["Ada", "Bob", "Cid", "Eve", "Fay"]


def test_a_connection_and_a_session_of_the_tests(table, rdspool_session, rdspool_connection):
    rdspool_session.execute(text("INSERT INTO pet VALUES ('Rex')"))
    rdspool_session.commit()
    rdspool_session.execute(text("INSERT INTO pet VALUES ('Ada')"))
    rdspool_session.rollback()
    assert rdspool_connection.execute(text("SELECT name FROM pet")).scalars().all() == ["Rex"]


def test_nothing_is_left(pets):
    assert pets() == []
    engine.dispose()
    assert pets() == []


def test_another_engine(rdspool_rollback):
    assert get_engine("reader") is not engine
    with get_engine("reader").begin() as connection:
        assert connection.execute(text("SELECT 7")).scalar_one() == 7
"""
ON_MYSQL = """
import pytest
from handler import engine
from sqlalchemy import exc, text


@pytest.mark.parametrize("lambda_context", [0.6], indirect=True)
def test_the_time_of_the_invocation_ends_a_statement(rdspool_rollback, lambda_context):
    assert 0 < lambda_context.get_remaining_time_in_millis() <= 600
    with pytest.raises(exc.OperationalError, match="DeadlineError.*the invocation's time"), engine.connect() as connection:
        connection.execute(text("SELECT SLEEP(30)"))


def test_a_lost_connection_has_lost_what_it_wrote_and_the_next_one_is_rolled_back_too(pets, rdspool_rollback):
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO pet VALUES ('Rex')"))
    with engine.connect() as connection:
        connection.invalidate()
    assert pets() == []
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO pet VALUES ('Ada')"))
    assert pets() == ["Ada"]


def test_a_statement_that_commits_by_itself_is_said(table, rdspool_rollback):
    with pytest.raises(RuntimeError, match="a statement has committed it"), engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS other (id INT)"))


def test_nothing_is_left(pets):
    assert pets() == []
"""


@pytest.fixture
def project(tmp_path):
    """Return the folder of a project with a handler, its tests and a configuration that names no database."""
    (tmp_path / "handler.py").write_text(HANDLER)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_handler.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nrdspool_engines = reader\npythonpath = .\n")
    return tmp_path


@pytest.mark.parametrize(("place", "more"), [("sqlite", ""), ("local", ON_MYSQL), ("local:mariadb", ON_MYSQL)])
def test_a_handlers_tests_pass_on_each_kind_of_database(project, place, more):
    if more:
        (project / "test_on_mysql.py").write_text(more)
    done = run_pytest(project, "--rdspool-url", place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^{11 if more else 7} passed in", done.stdout, re.MULTILINE), done.stdout


@pytest.fixture
def url(mysql):
    """Return the URL of a server that runs already."""
    password = secrets.token_urlsafe(12) + "/@#"
    mysql.create_user("tester", password)
    return f"mysql+rdspool://tester:{quote(password, safe='')}@localhost:{mysql.port}/app?ca={quote(str(mysql.ca))}"


@pytest.mark.parametrize("by", ["option", "option, for development", "variable", "configuration"])
def test_a_server_that_runs_is_named_by_a_url(project, url, by):
    # A shell's settings name another database.
    variables = {"RDSPOOL_HOST": "production.test", "RDSPOOL_ROLE": "reader"}
    options = []
    if by.startswith("option"):
        options = ["--rdspool-url", url if by == "option" else f"{url.partition('?')[0]}?development=true"]
        variables["RDSPOOL_TEST_URL"] = "nonsense"
    elif by == "variable":
        variables["RDSPOOL_TEST_URL"] = url
        (project / "pytest.ini").write_text((project / "pytest.ini").read_text() + "rdspool_url = nonsense\n")
    else:
        (project / "pytest.ini").write_text((project / "pytest.ini").read_text() + f"rdspool_url = {url}\n")
    done = run_pytest(project, *options, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout


def test_an_engine_has_its_own_database_where_one_is_named(project, url, mysql):
    mysql.database("reports")
    asks = 'engine.connect().execute(text("SELECT DATABASE()")).scalar_one()'
    (project / "test_handler.py").write_text(
        "from rdspool import get_engine\nfrom sqlalchemy import text\n\n"
        f"def test_it(rdspool_database):\n    for name in (None, 'reports', 'reader'):\n        engine = get_engine(name)\n        print({asks})\n"
    )
    (project / "pytest.ini").write_text("[pytest]\nrdspool_engines = reports=reports reader\n")
    for place in (url, "local"):
        done = run_pytest(project, "-s", "--rdspool-url", place)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines()[:3] == ["app", "reports", "app"]


def test_a_fixture_without_a_database_says_what_to_give(tmp_path):
    (tmp_path / "test_it.py").write_text("def test_it(rdspool_engine):\n    pass\n")
    done = run_pytest(tmp_path)
    assert done.returncode == 1
    assert "no database is named: give --rdspool-url or RDSPOOL_TEST_URL" in done.stdout


def test_a_project_that_uses_nothing_of_it_does_not_import_rdspool(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import sys\n\ndef test_it():\n    assert 'rdspool_pytest' in sys.modules\n"
        "    assert not {'rdspool', 'sqlalchemy', 'mysql'} & sys.modules.keys()\n"
    )
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout


def test_without_the_source_tree_local_is_refused_in_words(tmp_path):
    # As pip installs it: in a folder of its own.
    packages = tmp_path / "site-packages"
    packages.mkdir()
    for name in ("rdspool", "rdspool_pytest"):
        (packages / name).symlink_to(PROJECT / "python" / name)
    code = (
        "import rdspool.testing.database as d; d.Path.resolve = lambda self: self\n"
        "try:\n    d.database('local', [])\nexcept d.NoDatabaseError as e:\n    print(e)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(packages)}, capture_output=True, text=True, check=False
    )
    assert "rdspool was not installed from one: name a server by its URL" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("place", ["sqlite", "local"])
def test_the_chapters_first_test_passes(tmp_path, place):
    chapter = (PROJECT / "docs" / "testing.md").read_text()
    for name, block in re.findall(r"```\w+\n# ([\w.]+)\n(.*?)```", chapter, re.DOTALL):
        (tmp_path / name).write_text(block)
    assert {path.name for path in tmp_path.iterdir()} == {"handler.py", "test_handler.py", "pytest.ini"}
    done = run_pytest(tmp_path, "--rdspool-url", place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
