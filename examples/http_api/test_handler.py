import json

import pytest
from handler import Base, handler


@pytest.fixture(scope="session")
def tables(rdspool_engine):
    Base.metadata.create_all(rdspool_engine)


@pytest.fixture
def call(tables, rdspool_rollback, lambda_context):
    """Return a function that sends a request, and returns the status and the body of the answer."""

    def send(route, body=None, **path):
        event = {"routeKey": route, "pathParameters": path, "body": body}
        answered = handler(event, lambda_context)
        return answered["statusCode"], json.loads(answered["body"])

    return send


def test_a_note_is_kept(call):
    status, added = call("POST /notes", '{"text": "buy tea"}')
    assert status == 201
    assert added["text"] == "buy tea"
    assert call("GET /notes/{id}", id=str(added["id"])) == (200, added)
    assert call("GET /notes") == (200, [added])


def test_there_are_no_notes_at_first(call):
    assert call("GET /notes") == (200, [])


@pytest.mark.parametrize("number", ["4711", "none", "-1"])
def test_a_note_that_is_not_there(call, number):
    assert call("GET /notes/{id}", id=number) == (404, {"error": f"there is no note {number}"})


@pytest.mark.parametrize("body", [None, "", "{", "7", "{}", '{"text": 7}', '{"text": ""}', json.dumps({"text": "x" * 201})])
def test_a_wrong_note_is_refused(call, body):
    assert call("POST /notes", body)[0] == 400
    assert call("GET /notes") == (200, [])


def test_a_text_is_a_text(call):
    text = "'); DROP TABLE notes; -- \\ ☕"
    assert call("POST /notes", json.dumps({"text": text}))[1]["text"] == text
    assert [note["text"] for note in call("GET /notes")[1]] == [text]
