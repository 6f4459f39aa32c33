import json
from pathlib import Path

import pytest
from handler import engine, handler
from sqlalchemy import text


@pytest.fixture(scope="session")
def tables(rdspool_engine):
    with rdspool_engine.begin() as connection:
        for statement in Path(__file__).with_name("schema.sql").read_text().split(";\n"):
            if statement:
                connection.execute(text(statement))


@pytest.fixture
def call(tables, rdspool_rollback, lambda_context):
    """Return a function that sends a request, and returns the status and the body of the answer."""

    def send(method, path):
        event = {"version": "2.0", "rawPath": path, "requestContext": {"stage": "$default", "http": {"method": method, "path": path}}}
        answer = handler(event, lambda_context)
        return answer["statusCode"], json.loads(answer["body"])

    return send


def written(capsys):
    """Return the metrics that were written, an object per invocation."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_sale_is_counted(call, capsys):
    assert call("POST", "/stock/tea/sale") == (200, {"sold": "tea"})
    (line,) = written(capsys)
    assert line["Requests"] == line["Sales"] == [1.0]
    assert call("GET", "/stock/tea") == (200, {"item": "tea", "amount": 0})


def test_what_is_sold_out_is_not_sold(call):
    call("POST", "/stock/tea/sale")
    assert call("POST", "/stock/tea/sale")[0] == 404


def test_what_is_not_there(call):
    assert call("GET", "/stock/coffee")[0] == 404


@pytest.mark.parametrize("lambda_context", [0.8], indirect=True)
def test_a_database_that_does_not_answer_in_time(call, monkeypatch, capsys):
    monkeypatch.setattr("handler.FIND", text("SELECT SLEEP(30), :item"))
    status, body = call("GET", "/stock/tea")
    assert (status, body) == (503, {"message": "try again later"})
    (line,) = written(capsys)
    assert line["Requests"] == line["DatabaseUnreachable"] == [1.0]


def test_any_other_error_is_the_functions_own(call, monkeypatch):
    monkeypatch.setattr("handler.FIND", text("SELECT nonsense, :item"))
    with pytest.raises(Exception, match="nonsense"):
        call("GET", "/stock/tea")
    assert engine.pool.checkedin() == 1
