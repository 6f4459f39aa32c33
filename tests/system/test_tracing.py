"""OpenTelemetry's instrumentation of SQLAlchemy on rdspool's engine, with a real server: spans for connects and statements, and no secret."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import observing
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, sys
from opentelemetry import trace
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from rdspool import get_engine
from sqlalchemy import event, exc, text

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)

given = json.loads(sys.argv[1])
engine = get_engine(**given)
SQLAlchemyInstrumentor().instrument(engine=engine)


@event.listens_for(engine, "connect")
def connected(dbapi_connection, _):
    span = trace.get_current_span()
    span.set_attribute("rdspool.why", dbapi_connection.why)
    span.set_attribute("rdspool.connection_id", dbapi_connection.connection_id)
    for step, seconds in dbapi_connection.steps.items():
        span.set_attribute(f"rdspool.{step}.ms", round(seconds * 1000, 3))


with trace.get_tracer("test").start_as_current_span("handler"):
    for _ in range(2):
        with engine.connect() as connection:
            connection.execute(text("SELECT :n"), {"n": "value-of-a-user"})
    try:
        get_engine("closed", **{**given, "port": 1}).connect()
    except exc.OperationalError:
        pass

ids = {span.context.span_id: span.name for span in exporter.get_finished_spans()}
print(json.dumps([
    {
        "name": span.name,
        "parent": span.parent and ids[span.parent.span_id],
        "status": span.status.status_code.name,
        "attributes": dict(span.attributes),
        "events": [{"name": one.name, "attributes": dict(one.attributes)} for one in span.events],
    }
    for span in exporter.get_finished_spans()
]))
"""


@pytest.fixture
def spans(server, password_target, tmp_path):
    """The spans of a handler that connects once, uses the connection twice, and then fails to connect elsewhere."""
    given = {**password_target, "host": "127.0.0.1", "port": server.port, "ca": str(server.ca), "region": "eu-central-1"}
    (tmp_path / "traced.py").write_text(PROGRAM)
    ran = subprocess.run(
        [observing.python(), tmp_path / "traced.py", json.dumps(given)],
        env={"PYTHONPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_connects_and_statements_have_spans(spans, server, password_target):
    first, reused, failed = (span for span in spans if span["name"] == "connect")
    assert [span["parent"] for span in (first, reused, failed)] == ["handler"] * 3
    # Each checkout has a span; one that made a connection says why, and what its steps took.
    assert first["attributes"]["rdspool.why"] == "first"
    assert {f"rdspool.{step}.ms" for step in ("name", "tcp", "greeting", "tls", "sign-in", "set-up")} <= first["attributes"].keys()
    assert not any(name.startswith("rdspool.") for name in reused["attributes"])
    assert first["attributes"]["db.system"] == "mysql"
    assert first["attributes"]["net.peer.name"] == "127.0.0.1"
    statements = [span for span in spans if span["name"].startswith("SELECT")]
    assert [span["attributes"]["db.statement"] for span in statements] == ["SELECT %(n)s"] * 2
    assert failed["status"] == "ERROR"
    (event,) = failed["events"]
    assert "no connection to 127.0.0.1:1" in event["attributes"]["exception.message"]


def test_no_secret_is_in_a_span(spans, password_target):
    text = json.dumps(spans)
    assert password_target["password"] not in text
    assert "value-of-a-user" not in text
