"""More environments than connections: those that find the server near its limit give theirs back before they are frozen."""

from __future__ import annotations

import contextlib

import pymysql
import pytest

from local.environment import LambdaEnvironmentError
from tests.function_rig import session_ids

HANDLER = """
import os
from rdspool import get_engine
from sqlalchemy import text
engine = get_engine()

def handler(event, context):
    with engine.connect() as connection:
        return connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
"""
LIMIT = 5


@pytest.fixture
def few_connections(server):
    """A server that takes few connections, and has none of the tests before."""
    for number in session_ids(server, "app") + session_ids(server, "plain"):
        with contextlib.suppress(pymysql.Error):  # it has ended meanwhile
            server.execute(f"KILL {number}")
    before = server.execute("SELECT @@global.max_connections")[0][0]
    # The tests' own connection, for which MySQL keeps one more, and MariaDB too.
    server.execute(f"SET GLOBAL max_connections = {max(LIMIT, 10 if server.kind == 'mariadb' else LIMIT)}")
    yield server.execute("SELECT @@global.max_connections")[0][0]
    server.execute(f"SET GLOBAL max_connections = {before}")


@pytest.fixture
def fleet(start_function):
    """Return a function that starts environments: nothing runs in them between invocations, as if they were frozen."""

    def start(count, **variables):
        made = [start_function(HANDLER, **variables) for _ in range(count)]
        for process in made:
            process.wait_ready()
        return made

    return start


def failures(environments, rounds):
    failed = 0
    for _ in range(rounds):
        for environment in environments:
            try:
                environment.invoke()
            except LambdaEnvironmentError:
                failed += 1
    return failed


def test_more_environments_than_connections_all_succeed(few_connections, fleet):
    environments = fleet(few_connections + 3)
    assert failures(environments, 3) == 0


def test_kept_connections_leave_none_for_the_others(few_connections, fleet):
    environments = fleet(few_connections + 3, RDSPOOL_CONNECTIONS="keep", RDSPOOL_CONNECT_TIMEOUT="0.2")
    assert failures(environments, 1) > 0


def test_yielded_connections_are_gone_after_each_invocation(server, fleet):
    (environment,) = fleet(1, RDSPOOL_CONNECTIONS="yield")
    first = environment.invoke()
    assert environment.invoke() != first


def test_far_from_the_limit_connections_are_kept(fleet):
    (environment,) = fleet(1)
    first = environment.invoke()
    assert environment.invoke() == first
