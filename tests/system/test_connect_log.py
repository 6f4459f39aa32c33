"""The line for each new connection, with a real server: each reason, the steps, no secret, and nothing of it where no connection is made."""

from __future__ import annotations

import logging
import re
import sys
import time
from pathlib import Path

import pytest
from connections import connection_id
from rdspool import get_engine
from rdspool._driver.lives import REASONS
from sqlalchemy import create_engine, event, exc, text

LINE = re.compile(
    r"new connection (\d+) to [\w.-]+:\d+ \([\d.:]+\), (\w+): [\d.]+ ms "
    r"\(credentials [\d.]+, name [\d.]+, tcp [\d.]+, greeting [\d.]+, tls [\d.]+, sign-in [\d.]+, set-up [\d.]+\)( after \d+ attempts)?"
)


@pytest.fixture
def log(caplog):
    """The lines so far, each as the connection's id and why it was made."""
    caplog.set_level(logging.DEBUG, "rdspool")

    def lines():
        found = [record.getMessage() for record in caplog.records if record.getMessage().startswith("new connection")]
        return [(int(match[1]), match[2]) for match in map(LINE.fullmatch, found)]

    return lines


def test_the_first_one(log, target):
    number = connection_id(get_engine(**target))
    connection_id(get_engine(**target))
    assert log() == [(number, "first")]


def test_one_after_pool_recycle(log, target):
    engine = get_engine(**target, pool_recycle=1)
    first = connection_id(engine)
    time.sleep(1.1)
    assert log() == [(first, "first")]
    second = connection_id(engine)
    assert log() == [(first, "first"), (second, "recycle")]


def test_one_after_a_loss(log, server, front, target):
    engine = get_engine(**target)
    first = connection_id(engine)
    server.execute(f"KILL {first}")
    while first in [row[0] for row in server.execute("SELECT ID FROM information_schema.PROCESSLIST")]:
        time.sleep(0.01)
    engine.pool._pool.queue[0].dbapi_connection._commands.stream.arrives_within(5)
    assert log()[1:] == []
    second = connection_id(engine)
    assert log() == [(first, "first"), (second, "lost")]


def test_one_after_a_loss_within_a_statement(log, front, target):
    engine = get_engine(**target)
    first = connection_id(engine)
    with engine.connect() as connection, pytest.raises(exc.DBAPIError):
        connection.execute(text("KILL CONNECTION_ID()"))
    second = connection_id(engine)
    assert log() == [(first, "first"), (second, "lost")]


def test_one_after_a_session_that_can_not_be_brought_back(log, target):
    engine = get_engine(**target)
    first = connection_id(engine)
    with engine.connect() as connection:
        connection.execute(text("USE information_schema"))
    second = connection_id(engine)
    assert log() == [(first, "first"), (second, "dirty")]


def test_one_after_a_failover(log, server, target):
    engine = get_engine(**target)
    server.execute("CREATE TABLE IF NOT EXISTS app.written (id INT)")
    first = connection_id(engine)
    server.execute("SET GLOBAL read_only = 1")
    try:
        with pytest.raises(exc.DBAPIError), engine.begin() as connection:
            connection.execute(text("INSERT INTO written VALUES (1)"))
    finally:
        server.execute("SET GLOBAL read_only = 0")
    second = connection_id(engine)
    assert log() == [(first, "first"), (second, "failover")]


def test_one_after_the_end_of_an_invocation_that_gave_it_back(start_function):
    process = start_function(
        "import logging\n"
        "logging.getLogger().setLevel('INFO')\n"
        "from rdspool import get_engine\n"
        "from sqlalchemy import text\n"
        "lines = []\n"
        "class Kept(logging.Handler):\n"
        "    def emit(self, record):\n"
        "        lines.append(record.getMessage())\n"
        "logging.getLogger('rdspool').addHandler(Kept())\n"
        "def handler(event, context):\n"
        "    with get_engine().connect() as connection:\n"
        "        connection.execute(text('SELECT 1'))\n"
        "    return [line for line in lines if line.startswith('new')]\n",
        RDSPOOL_CONNECTIONS="yield",
        RDSPOOL_LOG_CONNECTS="info",
    )
    process.wait_ready()
    process.invoke()
    assert [LINE.fullmatch(line)[2] for line in process.invoke()] == ["first", "yield"]


def test_one_after_another_end(log, target):
    engine = get_engine(**target)
    first = connection_id(engine)
    engine.dispose()
    second = connection_id(engine)
    assert log() == [(first, "first"), (second, "closed")]


def test_one_beside_others(log, target):
    engine = get_engine("several", **target, pool_size=2)
    with engine.connect() as one, engine.connect() as other:
        numbers = [connection.execute(text("SELECT CONNECTION_ID()")).scalar_one() for connection in (one, other)]
    assert log() == list(zip(numbers, ["first", "more"], strict=True))


@pytest.fixture
def url(server, target):
    """A URL of create_engine()."""
    return f"{server.kind}+rdspool://{target['user']}@{target['host']}:{target['port']}/app?ca={target['ca']}"


@pytest.mark.parametrize("disposed", [False, True])
def test_those_of_create_engine_after_pool_recycle(log, url, disposed):
    engine = create_engine(url, pool_recycle=1)
    numbers = [connection_id(engine)]
    if disposed:
        engine.dispose()
        numbers.append(connection_id(engine))
    time.sleep(1.1)
    numbers.append(connection_id(engine))
    engine.dispose()
    assert log() == list(zip(numbers, ["first", *["closed"] * disposed, "recycle"], strict=True))


def test_those_of_create_engine_without_pool_recycle(log, url):
    engine = create_engine(url)
    first = connection_id(engine)
    time.sleep(1.1)
    engine.dispose()
    second = connection_id(engine)
    engine.dispose()
    assert log() == [(first, "first"), (second, "closed")]


def test_those_of_create_engine_after_a_loss(log, url):
    engine = create_engine(url)
    first = connection_id(engine)
    with engine.connect() as connection, pytest.raises(exc.DBAPIError):
        connection.execute(text("KILL CONNECTION_ID()"))
    second = connection_id(engine)
    assert log() == [(first, "first"), (second, "lost")]
    engine.dispose()


def test_no_secret_is_in_it(log, caplog, credentials, password_target, target):
    connection_id(get_engine(**target))
    connection_id(get_engine("other", **password_target))
    assert len(log()) == 2
    written = "".join(repr(vars(record)) for record in caplog.records)
    for secret in (credentials.secret_key, credentials.session_token, credentials.access_key, password_target["password"], "X-Amz-"):
        assert secret not in written


def test_every_reason_has_a_test():
    tested = Path(__file__).read_text()
    assert [why for why in REASONS if f'"{why}"' not in tested] == []


def test_nothing_of_it_runs_where_no_connection_is_made(target):
    """A checkout, a statement and a checkin on a connection that is there already."""
    engine = get_engine(**target)
    events = []
    event.listen(engine, "connect", lambda *_: events.append("connect"))
    connection_id(engine)
    called = set()

    def note(frame, what, _):
        if what == "call":
            called.add(frame.f_code.co_filename.rpartition("rdspool/")[2])

    sys.setprofile(note)
    try:
        connection_id(engine)
    finally:
        sys.setprofile(None)
    assert "_driver/answers.py" in called
    assert not called & {"_connect_log.py", "_driver/lives.py", "_driver/stopwatch.py", "creator.py"}
