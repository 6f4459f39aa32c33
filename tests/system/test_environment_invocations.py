"""The end of an invocation, in real Lambda environments: nothing waits beyond it, and nothing is left open over it."""

from __future__ import annotations

import pytest

from local.environment import Environment

HANDLER = """
import logging, os, socket, time
logging.getLogger("rdspool").setLevel(logging.INFO)
EARLY = os.environ.get("EARLY")
if EARLY:
    from rdspool import get_engine
    from sqlalchemy import text
    from sqlalchemy.orm import Session
    engine = get_engine()
kept = []

def handler(event, context):
    from rdspool import deadlines, get_engine
    from sqlalchemy import exc, text
    from sqlalchemy.orm import Session
    engine = get_engine()
    match event["do"]:
        case "left":
            return {"left": deadlines.nearest().left(), "lambda": context.get_remaining_time_in_millis() / 1000}
        case "statement":
            try:
                with engine.connect() as connection:
                    connection.execute(text("SELECT SLEEP(60)"))
            except exc.OperationalError as error:
                return {"error": str(error.orig), "notes": error.orig.__notes__}
        case "connect":
            try:
                engine.connect()
            except exc.OperationalError as error:
                return {"error": str(error.orig)}
        case "nested":
            try:
                with engine.connect(), engine.connect():
                    pass
            except exc.TimeoutError as error:
                return {"error": str(error)}
        case "keep":
            connection = engine.connect()
            connection.execute(text(event["statement"]))
            connection.execute(text("SET @left = 1"))
            kept.append(connection)
            return {"in_transaction": connection.connection.dbapi_connection.in_transaction}
        case "kept":
            connection = kept[0]
            if connection.connection.dbapi_connection.closed:
                try:
                    connection.execute(text("UPDATE account SET amount = amount + 1 WHERE id = 1"))
                    connection.commit()
                except exc.OperationalError as error:
                    return {"error": error.orig.msg}
            return {
                "in_transaction": connection.connection.dbapi_connection.in_transaction,
                "amount": connection.execute(text("SELECT amount FROM account WHERE id = 1")).scalar_one(),
                "left": connection.execute(text("SELECT @left")).scalar_one(),
            }
        case "session":
            session = Session(engine)
            kept.append(session)
            session.execute(text("UPDATE account SET amount = 5 WHERE id = 1"))
        case "forget" | "forget and raise":
            connection = engine.connect()
            connection.execute(text("UPDATE account SET amount = amount + 1 WHERE id = 1"))
            if event["do"] != "forget":
                raise LookupError("mine")
        case "raise":
            kept.append(engine.connect())
            raise LookupError("mine")
        case "id":
            with engine.connect() as connection:
                return connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()
"""


@pytest.fixture
def account(server):
    server.execute("DROP TABLE IF EXISTS app.account")
    server.execute("CREATE TABLE app.account (id INT PRIMARY KEY, amount INT)")
    server.execute("INSERT INTO app.account VALUES (1, 100)")
    yield
    server.execute("DROP TABLE app.account")


@pytest.fixture
def start(tmp_path, layer_of, front, credentials):
    """A function that starts an environment with the layer and Lambda's default limit of 3 s, before the front."""
    running = []

    def new(timeout=3, port=None, **variables):
        folder = tmp_path / f"function{len(running)}"
        folder.mkdir()
        (folder / "handler.py").write_text(HANDLER)
        settings = {"RDSPOOL_HOST": front.host, "RDSPOOL_PORT": str(port or front.port), "RDSPOOL_USER": "app", "RDSPOOL_DATABASE": "app"}
        settings |= {"RDSPOOL_CA": "/var/task/ca.pem"}
        (folder / "ca.pem").write_text(front.ca_file.read_text())
        environment = Environment(
            task=folder,
            layers=[layer_of()],
            timeout=timeout,
            variables=settings | variables,
            credentials=credentials,
            hosts={front.host: front.address},
        )
        running.append(environment)
        return environment.__enter__()

    yield new
    for environment in running:
        environment.__exit__(None, None, None)


@pytest.mark.parametrize("early", ["", "yes"])
def test_the_deadline_is_known_without_a_line_of_the_functions_code(start, early):
    """With rdspool imported during init, and within the handler only."""
    environment = start(timeout=8, EARLY=early)
    for _ in range(2):
        seen = environment.invoke({"do": "left"}).payload
        assert 0.4 < seen["lambda"] - seen["left"] < 0.6  # the margin of 500 ms


@pytest.mark.parametrize("early", ["", "yes"])
def test_a_statement_is_given_up_before_lambda_ends_the_environment(start, early):
    environment = start(EARLY=early)
    first = environment.invoke({"do": "id"}).payload
    result = environment.invoke({"do": "statement"})
    assert result.error is None
    assert "the invocation's time, less a margin of 500 ms" in result.payload["error"]
    assert f"ended on the server, and what it had not committed is rolled back there (connection {first})" in result.payload["notes"][0]
    assert environment.invoke({"do": "id"}).payload != first


def test_a_silent_port_is_told_of_before_lambdas_default_limit(start, front):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = start(port=silent.getsockname()[1])
        result = environment.invoke({"do": "connect"})
    assert result.error is None
    assert "did not greet as MySQL does" in result.payload["error"]


def test_a_nested_connect_is_told_of_before_lambdas_default_limit(start):
    result = start().invoke({"do": "nested"})
    assert result.error is None
    assert "none came back within" in result.payload["error"]


def test_a_connection_kept_over_the_end_is_rolled_back_and_told_of(start, server, account):
    environment = start()
    result = environment.invoke({"do": "keep", "statement": "SELECT amount FROM account WHERE id = 1 FOR UPDATE"})
    assert result.payload == {"in_transaction": True}
    log = "\n".join(result.logs)
    assert "handler.py:" in log
    assert "was not given back before the end of the invocation" in log
    # Its row lock is gone: this would wait for it.
    server.execute("UPDATE app.account SET amount = amount + 10 WHERE id = 1")
    assert environment.invoke({"do": "kept"}).payload == {
        "in_transaction": False,
        "amount": 110,
        "left": None,
    }  # nothing was written: it goes on


def test_a_transaction_whose_begin_was_rolled_back_does_not_go_on(start, server, account):
    """Its rest would be committed alone."""
    environment = start()
    environment.invoke({"do": "keep", "statement": "UPDATE account SET amount = amount + 1 WHERE id = 1"})
    assert server.execute("SELECT amount FROM app.account WHERE id = 1 FOR UPDATE")[0][0] == 100
    assert "closed" in environment.invoke({"do": "kept"}).payload["error"]
    assert server.execute("SELECT amount FROM app.account WHERE id = 1 FOR UPDATE")[0][0] == 100


def test_a_session_kept_over_the_end_is_rolled_back(start, server, account):
    environment = start()
    assert "was not given back" in "\n".join(environment.invoke({"do": "session"}).logs)
    assert server.execute("SELECT amount FROM app.account WHERE id = 1 FOR UPDATE")[0][0] == 100


@pytest.mark.parametrize("way", ["forget", "forget and raise"])
def test_a_connection_that_a_handler_forgot_serves_the_next_invocation(start, server, account, way):
    environment = start()
    first = environment.invoke({"do": "id"}).payload
    assert "was not given back" in "\n".join(environment.invoke({"do": way}).logs)
    assert environment.invoke({"do": "id"}).payload == first
    assert server.execute("SELECT amount FROM app.account WHERE id = 1 FOR UPDATE")[0][0] == 100


def test_a_handlers_error_stays_its_own(start):
    result = start().invoke({"do": "raise"})
    assert result.error is not None
    assert result.error.type == "LookupError"
    assert "was not given back" in "\n".join(result.logs)
    assert "rdspool" not in "".join(result.error.trace)


def test_a_handler_that_gives_back_is_not_told_of(start):
    assert "was not given back" not in "\n".join(start().invoke({"do": "id"}).logs)
