"""rdspool as a function has it: from the layer's zip, in a Lambda environment, with an RDS front behind its name."""

from __future__ import annotations

import time
from functools import partial

import pytest

from local import endpoint

CODE = """
import logging, sys, traceback

logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, force=True)
for name in ("mysql.connector", "sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "botocore"):
    logging.getLogger(name).setLevel(logging.DEBUG)

from rdspool import get_engine
from sqlalchemy import text

engine = get_engine(echo="debug", echo_pool="debug")


def handler(event, context):
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 4711"))
            return connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
    except Exception as error:
        print("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))
        print(engine, repr(vars(engine.pool._creator)))
        raise
"""


@pytest.fixture
def environment(start_environment, tmp_path):
    """Return a function that starts an environment with the layer attached."""
    (tmp_path / "handler.py").write_text(CODE)
    return partial(start_environment, tmp_path)


def secrets_of(database):
    return [database.credentials.secret_key, database.credentials.session_token, "X-Amz-Signature", "X-Amz-Security-Token"]


def test_the_token_is_in_no_output_of_a_function_that_logs_everything(database, environment):
    running = environment()
    first = running.invoke({})
    assert first.error is None
    assert database.front.connection(backend_id=first.payload).sign_in == "iam"
    assert running.invoke({}).payload == first.payload
    output = "\n".join(running.logs)
    assert "SELECT 4711" in output
    assert "Created new connection" in output
    for secret in secrets_of(database):
        assert secret not in output


def test_a_refused_token_is_in_no_output_either(database, environment):
    other = endpoint.Credentials("AKIAOTHER", database.credentials.secret_key, database.credentials.session_token)
    running = environment(other)
    failed = running.invoke({})
    assert failed.error is not None
    output = f"{failed.error} " + "\n".join(running.logs)
    assert "AWSAuthenticationPlugin" in output
    for secret in secrets_of(database):
        assert secret not in output


def test_a_connection_that_died_in_a_freeze_is_replaced(database, environment):
    running = environment()
    first = running.invoke({}).payload
    running.freeze()
    database.server.execute(f"KILL {first}")
    time.sleep(5.5)  # longer than the gap after which an idle connection is checked
    running.thaw()
    after = running.invoke({})
    assert after.error is None
    assert after.payload != first


def test_a_connection_made_during_init(database, environment):
    running = environment(RDSPOOL_CONNECT="init")
    with database.front.count() as count:
        first = running.invoke({})
    assert first.error is None
    assert database.front.connection(backend_id=first.payload).sign_in == "iam"
    assert count.connections == 1


def test_a_missing_setting_is_reported_at_import(environment):
    failed = environment(RDSPOOL_USER="").invoke({})
    assert failed.error is not None
    assert "RDSPOOL_USER is not set" in str(failed.error)
