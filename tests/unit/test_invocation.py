"""The invocation, with a module in the place of the runtime client: when it begins and ends, and what is left open over its end."""

from __future__ import annotations

import gc
import logging
import sys
import time
from types import ModuleType, SimpleNamespace

import pytest
from fake_server import QUIT, close
from rdspool import deadlines, get_engine
from rdspool._lambda import invocation, left_open
from sqlalchemy import text


class Client:
    """The runtime client: notes what it posts."""

    def __init__(self):
        self.posted = []
        self.url = "here"

    def post_invocation_result(self, request, body):
        self.posted.append((request, body))

    def post_invocation_error(self, request, body):
        self.posted.append((request, "error", body))


@pytest.fixture
def bootstrap(monkeypatch):
    """The runtime client's module, whose handle_event_request() calls the handler that a test gives to it."""
    made = ModuleType("awslambdaric.bootstrap")
    source = """
def handle_event_request(lambda_runtime_client, request_handler, invoke_id, event_body, epoch_deadline_time_in_ms, log_sink=None):
    try:
        result = request_handler(event_body)
        lambda_runtime_client.post_invocation_result(invoke_id, result)
    except LookupError as error:
        lambda_runtime_client.post_invocation_error(invoke_id, str(error))
    return "done"
"""
    exec(source, vars(made))  # noqa: S102 - a module of its own
    monkeypatch.setitem(sys.modules, "awslambdaric.bootstrap", made)
    monkeypatch.setattr(invocation, "_watched", None)
    monkeypatch.setattr(invocation, "_beginnings", [])
    monkeypatch.setattr(invocation, "_endings", [])
    yield made
    deadlines.end_invocation()


def in_ms(seconds):
    return int((time.time() + seconds) * 1000)


def test_where_no_runtime_client_runs_nothing_is_seen(monkeypatch):
    monkeypatch.setitem(sys.modules, "awslambdaric.bootstrap", None)
    monkeypatch.setattr(invocation, "_watched", None)
    assert invocation.watch() is False


@pytest.mark.parametrize("by_name", [False, True])
def test_an_invocation_has_its_deadline_and_ends_before_its_answer(bootstrap, by_name):
    assert invocation.watch() is True
    client, seen = Client(), []
    invocation.at_end(lambda: seen.append(("end", list(client.posted), deadlines.nearest() is not None)))

    def handler(event):
        seen.append((event, deadlines.nearest(0).left()))
        return "answer"

    if by_name:
        done = bootstrap.handle_event_request(
            lambda_runtime_client=client, request_handler=handler, invoke_id="1", event_body="e", epoch_deadline_time_in_ms=in_ms(30)
        )
    else:
        done = bootstrap.handle_event_request(client, handler, "1", "e", in_ms(30), log_sink=None)
    assert done == "done"
    assert client.posted == [("1", "answer")]
    (event, left), end = seen
    assert event == "e"
    assert 28 < left <= 30
    assert end == ("end", [], True), "before the answer leaves, and with the time of the invocation"
    assert deadlines.nearest() is None


def test_a_handler_that_fails_ends_its_invocation_once(bootstrap):
    invocation.watch()
    client, seen = Client(), []
    invocation.at_end(lambda: seen.append(1))

    def handler(_):
        raise LookupError("mine")

    bootstrap.handle_event_request(client, handler, "1", "e", in_ms(30))
    assert client.posted == [("1", "error", "mine")]
    assert seen == [1]

    def worse(_):
        raise SystemExit

    with pytest.raises(SystemExit):
        bootstrap.handle_event_request(client, worse, "2", "e", in_ms(30))
    assert seen == [1, 1]
    assert deadlines.nearest() is None


def test_it_is_watched_once_and_keeps_its_attributes(bootstrap):
    bootstrap.handle_event_request.marked = "theirs"
    assert invocation.watch()
    first = bootstrap.handle_event_request
    assert invocation.watch()
    assert bootstrap.handle_event_request is first
    assert first.marked == "theirs"


def test_an_ending_is_called_once_an_invocation_however_often_it_is_asked_for(bootstrap):
    invocation.watch()
    seen = []

    def ending():
        seen.append(1)

    invocation.at_end(ending)
    invocation.at_end(ending)
    for _ in range(2):
        bootstrap.handle_event_request(Client(), str, "1", "e", in_ms(30))
    assert seen == [1, 1]


def test_an_ending_that_fails_takes_neither_the_answer_nor_the_others(bootstrap, caplog):
    invocation.watch()
    seen, client = [], Client()
    invocation.at_end(lambda: 1 / 0)
    invocation.at_end(lambda: seen.append(1))
    bootstrap.handle_event_request(client, str, "1", "e", in_ms(30))
    assert seen == [1]
    assert client.posted == [("1", "e")]
    assert "the end of the invocation met an error" in caplog.text


@pytest.mark.parametrize("end", ["soon", None, []])
def test_a_deadline_that_is_no_number_is_none(bootstrap, end):
    invocation.watch()
    seen = []
    bootstrap.handle_event_request(Client(), lambda _: seen.append(deadlines.nearest()), "1", "e", end)
    assert seen == [None]


def of_other_arguments(*given):
    """A function that the runtime client could have one day."""


def without_the_deadline(lambda_runtime_client):
    """Another one."""


def without_the_client(epoch_deadline_time_in_ms):
    """Another one."""


@pytest.mark.parametrize("replaced", [None, of_other_arguments, without_the_deadline, without_the_client, print])
def test_a_runtime_client_that_is_another_stays_as_it_is(bootstrap, replaced):
    bootstrap.handle_event_request = replaced
    if replaced is None:
        del bootstrap.handle_event_request
    assert invocation.watch() is False
    assert getattr(bootstrap, "handle_event_request", None) is replaced


def test_a_wrapper_of_another_tools_is_kept(bootstrap):
    import functools

    inner, calls = bootstrap.handle_event_request, []

    @functools.wraps(inner)
    def traced(*given, **named):
        calls.append(1)
        return inner(*given, **named)

    bootstrap.handle_event_request = traced
    assert invocation.watch()
    seen = []
    bootstrap.handle_event_request(Client(), lambda _: seen.append(deadlines.nearest(0).left()), "1", "e", in_ms(30))
    assert calls == [1]
    assert 28 < seen[0] <= 30


def test_the_clients_own_attributes_are_there(bootstrap):
    invocation.watch()
    found = []
    inner = bootstrap.handle_event_request._handle
    bootstrap.handle_event_request._handle = lambda client, *rest: (found.append(client.url), inner(client, *rest))
    bootstrap.handle_event_request(Client(), str, "1", "e", in_ms(30))
    assert found == ["here"]


def test_a_handler_that_begins_to_watch_has_this_invocations_deadline_and_end(bootstrap):
    """As where the handler itself imports rdspool."""
    client, seen = Client(), []

    def handler(_):
        assert invocation.watch()
        invocation.at_end(lambda: seen.append(("end", list(client.posted))))
        seen.append(deadlines.nearest(0).left())
        return "answer"

    bootstrap.handle_event_request(client, handler, "1", "e", in_ms(30))
    assert 28 < seen[0] <= 30
    assert seen[1:] == [("end", [])]
    assert client.posted == [("1", "answer")]
    assert deadlines.nearest() is None
    assert vars(client).keys() == {"posted", "url"}, "the client is its own again"


# -- what is left open -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def invoked(bootstrap, database, certificates, monkeypatch):
    """A function that runs a handler in an invocation; the handler takes the engine."""
    monkeypatch.setattr(left_open, "_out", {})
    found = get_engine(host="127.0.0.1", port=database.port, user="app", password="x", ca=str(certificates.ca))
    found.connect().close()
    database.forget()

    def run(handler, seconds=30):
        client = Client()
        bootstrap.handle_event_request(client, lambda _: handler(found), "1", "e", in_ms(seconds))
        return client.posted

    return run


def test_a_connection_that_is_left_open_is_rolled_back_before_the_answer(invoked, database, caplog):
    kept = []

    def handler(found):
        connection = found.connect()
        connection.execute(text("UPDATE t SET a = 1"))
        kept.append(connection)
        return "answer"

    assert invoked(handler) == [("1", "answer")]
    assert database.statements() == ["UPDATE t SET a = 1", "ROLLBACK"]
    line = handler.__code__.co_firstlineno + 1
    assert f"{__file__}:{line} took from the pool was not given back" in caplog.text
    assert kept[0].connection.dbapi_connection.closed, "its rest would be committed alone"
    kept[0].close()


def test_a_connection_that_a_handler_forgot_serves_the_next_invocation(invoked, database):
    """A Connection and its transaction refer to each other: without a run of the collector they stay, and the pool's one connection with them."""

    def forgets(found):
        found.connect().execute(text("UPDATE t SET a = 1"))

    out = []
    gc.disable()
    try:
        invoked(forgets)
        assert len(left_open._out) == 1
        invoked(lambda found: out.append(found.pool.checkedout()))
    finally:
        gc.enable()
    assert out == [0]
    assert left_open._out == {}
    assert database.statements() == ["UPDATE t SET a = 1", "ROLLBACK"]


def test_the_collector_runs_only_for_what_is_left_open(invoked, monkeypatch):
    runs = []
    monkeypatch.setattr(left_open.gc, "collect", lambda: runs.append(1))
    kept = []
    invoked(lambda _: None)
    invoked(lambda found: kept.append(found.connect()))
    assert runs == []
    invoked(lambda _: None)
    assert runs == [1]
    kept[0].close()


def test_what_begins_with_an_invocation_knows_its_deadline(bootstrap):
    invocation.watch()
    left = []
    invocation.at_begin(lambda: left.append(deadlines.nearest(0).left()))
    bootstrap.handle_event_request(Client(), lambda _: None, "1", "e", in_ms(30))
    assert 28 < left[0] <= 30


def test_a_connection_that_was_given_back_is_nobodys(invoked, database, caplog):
    def handler(found):
        with found.begin() as connection:
            connection.execute(text("UPDATE t SET a = 1"))

    invoked(handler)
    assert database.statements() == ["UPDATE t SET a = 1", "COMMIT"]
    assert "not given back" not in caplog.text
    assert left_open._out == {}


def test_what_a_left_connection_has_in_its_session_is_brought_back(invoked, database):
    kept = []

    def handler(found):
        kept.append(found.connect())
        kept[0].exec_driver_sql("SET @a = 1")

    invoked(handler)
    assert database.sessions[0][-2][:1] == b"\x1f"
    assert database.statements()[-1].startswith("SET NAMES")
    kept[0].close()


def test_a_left_connection_that_is_lost_is_left_alone_and_one_that_gets_lost_is_closed(invoked, database, caplog):
    kept = []

    def handler(found):
        kept.append(found.connect())
        kept[0].connection.dbapi_connection.close()

    invoked(handler)
    assert "not given back" not in caplog.text
    kept[0].invalidate()
    kept[0].close()

    def another(found):
        kept.append(found.connect())
        kept[1].exec_driver_sql("SET @a = 1")
        database.answers[
            "SET NAMES 'utf8mb4', @@session.autocommit = 0, @@session.wait_timeout = 330, @@session.session_track_state_change = 1"
        ] = close

    with caplog.at_level(logging.WARNING, "rdspool"):
        invoked(another)
    assert "not given back" in caplog.text
    assert kept[1].connection.dbapi_connection.closed
    kept[1].invalidate()
    kept[1].close()


def test_a_session_that_cant_be_brought_back_is_closed_at_the_end(invoked, database):
    kept = []

    def handler(found):
        kept.append(found.connect())
        kept[0].exec_driver_sql("USE other")

    invoked(handler)
    assert kept[0].connection.dbapi_connection.closed
    assert database.last_command() == QUIT
    kept[0].invalidate()
    kept[0].close()


def test_a_connection_that_is_detached_is_its_users(invoked, database, caplog):
    kept = []

    def handler(found):
        connection = found.connect()
        connection.detach()
        kept.append(connection)

    invoked(handler)
    assert "not given back" not in caplog.text
    kept[0].close()


def test_a_stack_without_a_line_of_the_users_is_somewhere():
    entry = SimpleNamespace()
    namespace = {"__name__": "rdspool.pool", "taken": left_open.taken, "entry": entry}
    exec("taken(5, entry, None)", namespace)  # noqa: S102 - a frame of a module of rdspool's
    assert left_open._out[id(entry)][1].endswith("test_invocation.py")
    left_open.given_back(None, entry)
    left_open.given_back(None, entry)
    assert id(entry) not in left_open._out
