"""The plugin of pytest: options, and fixtures made of `rdspool.testing`.

pytest imports it in every project in whose environment rdspool was installed with pip, before the project's own modules. So it imports
rdspool, and with it SQLAlchemy, only where a project names a database or uses a fixture.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rdspool.testing import LambdaContext
    from rdspool.testing.database import Database
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.orm import Session

TEST_URL = "RDSPOOL_TEST_URL"
_URL = "rdspool_url"
_ENGINES = "rdspool_engines"
_database: pytest.StashKey[Database] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    places = "local, local:mariadb, sqlite, or mysql+rdspool://user:password@host:3306/database"
    parser.getgroup("rdspool").addoption("--rdspool-url", metavar="URL", help=f"the database of the tests: {places}")
    parser.addini(_URL, f"the database of the tests: {places}. --rdspool-url and the variable {TEST_URL} go before it")
    parser.addini(_ENGINES, "names of further engines, each with its database where it has its own: reader reporting=reports", type="args")


def pytest_configure(config: pytest.Config) -> None:
    """Set the variables now: handlers call get_engine() when the test modules that import them are collected."""
    place = config.getoption("--rdspool-url") or os.environ.get(TEST_URL) or config.getini(_URL)
    if not place:
        return
    from rdspool import reset
    from rdspool.testing.database import NoDatabaseError, database, only

    try:
        chosen = database(place, config.getini(_ENGINES))
    except NoDatabaseError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[_database] = chosen
    stack = ExitStack()
    config.add_cleanup(stack.close)
    stack.enter_context(only(chosen.variables))
    stack.enter_context(chosen.chosen())
    stack.callback(reset)


@pytest.fixture(scope="session")
def rdspool_database(request: pytest.FixtureRequest) -> Iterator[Mapping[str, str]]:
    """Return the variables that name the database of the tests, which runs until the last test has ended."""
    chosen = request.config.stash.get(_database, None)
    if chosen is None:
        pytest.fail(
            f"no database is named: give --rdspool-url or {TEST_URL}, or write rdspool_url = ... into the configuration of pytest. It is a "
            "URL, mysql+rdspool://user:password@host:3306/database, or `local` in rdspool's source tree, or `sqlite`",
            pytrace=False,
        )
    with chosen.running():
        yield chosen.variables


@pytest.fixture(scope="session")
def rdspool_engine(rdspool_database: Mapping[str, str]) -> Engine:  # noqa: ARG001 - it runs
    """Return get_engine(), with the database of the tests running."""
    from rdspool import get_engine

    return get_engine()


@pytest.fixture
def rdspool_rollback(request: pytest.FixtureRequest, rdspool_engine: Engine) -> Iterator[Engine]:
    """Return get_engine(), and roll back at the end of the test what was done with it and with the engines of `rdspool_engines`."""
    from rdspool import get_engine
    from rdspool.testing import rolled_back

    names = [name.partition("=")[0] for name in request.config.getini(_ENGINES)]
    with ExitStack() as stack:
        for engine in (rdspool_engine, *map(get_engine, names)):
            stack.enter_context(rolled_back(engine))
        yield rdspool_engine


@pytest.fixture
def rdspool_connection(rdspool_engine: Engine) -> Iterator[Connection]:
    """Return a Connection in a transaction, which is rolled back at the end of the test.

    It is the pool's only one: for code that takes a Connection. For code that takes one from the engine use `rdspool_rollback`.
    """
    with rdspool_engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


@pytest.fixture
def rdspool_session(rdspool_connection: Connection) -> Iterator[Session]:
    """Return a Session on `rdspool_connection`: what it commits is rolled back at the end of the test."""
    from sqlalchemy.orm import Session

    with Session(rdspool_connection, join_transaction_mode="create_savepoint") as session:
        yield session


@pytest.fixture
def lambda_context(request: pytest.FixtureRequest) -> Iterator[LambdaContext]:
    """Return the context of an invocation that begins now and ends with the test: after 10 s, or the parameter's seconds."""
    from rdspool.testing import LambdaContext

    with LambdaContext(*([request.param] if hasattr(request, "param") else [])) as context:
        yield context
