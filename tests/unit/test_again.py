"""What is run again, and what never: units of work, attempts of a connect; and the ends and beginnings of an environment."""

from __future__ import annotations

import random
import signal
import socket
import sys
import time
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import pytest
from fake_server import close, ok, refusal
from mysql.connector.errors import DatabaseError, IntegrityError, OperationalError
from rdspool import (
    ConnectError,
    ConnectTimeoutError,
    DeadlineError,
    OutcomeUnknownError,
    SignInError,
    TooManyConnectionsError,
    UnitError,
    UnreachableError,
    deadline,
    engine,
    get_engine,
    units,
)
from rdspool._driver import attempts
from rdspool._driver.attempts import Attempts
from rdspool._lambda import pressure, shutdown, snapshot
from rdspool.errors import ProxyTimeoutError, ReadOnlyServerError
from sqlalchemy import exc, text


@pytest.fixture
def found(database, certificates):
    return get_engine(host="127.0.0.1", port=database.port, user="app", password="x", ca=str(certificates.ca))


@pytest.fixture
def pauses(monkeypatch):
    """The pauses that are made, none of which takes time; each is as long as it can be."""
    made = []
    monkeypatch.setattr(random.SystemRandom, "uniform", lambda *given: given[2])
    monkeypatch.setattr(units.time, "sleep", made.append)
    return made


# -- units of work ---------------------------------------------------------------------------------------------------------------------


def updating(seen):
    def work(connection):
        seen.append(1)
        connection.execute(text("UPDATE t SET a = 1"))
        return "done"

    return work


def test_a_unit_that_succeeds_runs_once(found, database, pauses):
    seen = []
    assert units.run(found, updating(seen)) == "done"
    assert (len(seen), pauses) == (1, [])
    assert database.statements()[-2:] == ["UPDATE t SET a = 1", "COMMIT"]


@pytest.mark.parametrize("number", [1213, 1205, 1020])
def test_a_unit_that_another_transaction_stopped_runs_again(found, database, pauses, number):
    seen, answers = [], [[refusal(number, "again", "40001")]] * 2 + [[ok(status=1)]]
    database.answers["UPDATE t SET a = 1"] = lambda channel: database.send(channel, answers.pop(0))
    assert units.run(found, updating(seen)) == "done"
    assert len(seen) == 3
    assert pauses == [0.04, 0.08]


def test_a_unit_that_fails_each_time_is_run_five_times(found, database, pauses):
    seen = []
    database.answers["UPDATE t SET a = 1"] = [refusal(1213, "Deadlock", "40001")]
    with pytest.raises(exc.DBAPIError) as caught:
        units.run(found, updating(seen))
    assert (len(seen), len(pauses)) == (5, 4)
    assert any("was run 5 times" in note for note in caught.value.__notes__)
    seen.clear()
    with pytest.raises(exc.DBAPIError):
        units.run(found, updating(seen), attempts=1)
    assert len(seen) == 1


def test_a_lost_connection_is_no_end_of_a_unit(found, database, pauses):
    seen, answers = [], [close, None]

    def answer(channel):
        wanted = answers.pop(0)
        if wanted is None:
            database.send(channel, [ok(status=1)])
        else:
            wanted(channel)

    database.answers["UPDATE t SET a = 1"] = answer
    assert units.run(found, updating(seen)) == "done"
    assert (len(seen), len(database.sessions)) == (2, 2)


def test_a_unit_that_a_proxy_got_no_server_for_runs_again(found, database, pauses):
    """On another connection: the ROLLBACK of the first would wait as long again."""
    seen, answers = [], [[refusal(9501, "Timed-out waiting to acquire database connection", "HY000")], [ok(status=1)]]
    database.answers["UPDATE t SET a = 1"] = lambda channel: database.send(channel, answers.pop(0))
    assert units.run(found, updating(seen)) == "done"
    assert (len(seen), len(database.sessions)) == (2, 2)
    assert "ROLLBACK" not in database.statements()


def test_a_commit_that_was_sent_is_never_run_again(found, database, pauses):
    seen = []
    database.answers["COMMIT"] = close
    with pytest.raises(exc.OperationalError) as caught:
        units.run(found, updating(seen))
    assert isinstance(caught.value.orig, OutcomeUnknownError)
    assert len(seen) == 1


@pytest.mark.parametrize(
    "error", [IntegrityError("x", errno=1062), ValueError("x"), DatabaseError("x", errno=1064), DeadlineError("x", errno=3024)]
)
def test_another_error_ends_a_unit(found, pauses, error):
    seen = []

    def work(_):
        seen.append(1)
        raise error

    with pytest.raises(type(error)):
        units.run(found, work)
    assert len(seen) == 1


def test_a_unit_that_has_committed_a_part_is_not_run_again(found, database, pauses):
    seen = []

    def work(connection):
        seen.append(1)
        connection.execute(text("CREATE TABLE u (a INT)"))
        connection.execute(text("UPDATE t SET a = 1"))

    database.answers["UPDATE t SET a = 1"] = [refusal(1213, "Deadlock", "40001")]
    with pytest.raises(UnitError, match="commits by itself") as caught:
        units.run(found, work)
    assert isinstance(caught.value.__cause__, exc.DBAPIError)
    assert len(seen) == 1


def test_a_unit_is_run_again_only_while_there_is_time(found, database, monkeypatch):
    seen, slept = [], []
    monkeypatch.setattr(random.SystemRandom, "uniform", lambda *_: 100.0)
    monkeypatch.setattr(units.time, "sleep", slept.append)
    database.answers["UPDATE t SET a = 1"] = [refusal(1213, "Deadlock", "40001")]
    with deadline(50), pytest.raises(exc.DBAPIError):
        units.run(found, updating(seen))
    assert (len(seen), slept) == (1, [])


# -- attempts of a connect ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def waits(monkeypatch):
    """The clock of the attempts: a pause takes as long as it can, and only on this clock."""
    state = SimpleNamespace(now=100.0, slept=[])

    def sleep(seconds):
        state.slept.append(seconds)
        state.now += seconds

    monkeypatch.setattr(attempts, "time", SimpleNamespace(monotonic=lambda: state.now, sleep=sleep))
    monkeypatch.setattr(random.SystemRandom, "uniform", lambda *given: given[2])
    state.limit = SimpleNamespace(left=lambda: 110.0 - state.now)
    return state


def test_pauses_grow_to_a_second(waits):
    found = Attempts(waits.limit)
    for _ in range(7):
        found.wait_after(TooManyConnectionsError("x", errno=1040), proven=False)
    assert waits.slept == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


@pytest.mark.parametrize(
    ("error", "proven", "again"),
    [
        (TooManyConnectionsError("x", errno=1040), False, True),
        (ReadOnlyServerError("x", errno=1836), False, True),
        (ProxyTimeoutError("x", errno=9501), False, True),
        (SignInError("x", errno=1045), True, True),
        (SignInError("x", errno=1045), False, False),
        (SignInError("x", errno=1044), True, False),
        (UnreachableError("x", errno=2003), True, False),
        (ConnectError("x", errno=1049), True, False),
    ],
)
def test_what_is_tried_again(waits, error, proven, again):
    found = Attempts(waits.limit)
    if again:
        found.wait_after(error, proven=proven)
        assert waits.slept == [0.05]
    else:
        with pytest.raises(ConnectError) as caught:
            found.wait_after(error, proven=proven)
        assert caught.value is error
        assert waits.slept == []


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (UnreachableError("refused", errno=2003), True),
        (ConnectTimeoutError("silent", errno=2003), False),
        (SignInError("denied", errno=1045), False),
        (ConnectError("no database", errno=1049), False),
    ],
)
def test_a_writer_that_can_not_be_reached_is_waited_for(waits, error, again):
    found = Attempts(waits.limit, restarts=True)
    if again:
        found.wait_after(error, proven=False)
        assert waits.slept == [0.05]
    else:
        with pytest.raises(ConnectError) as caught:
            found.wait_after(error, proven=False)
        assert caught.value is error


def test_a_writer_whose_name_has_no_address_is_not_waited_for(waits):
    error = UnreachableError("no address", errno=2003)
    error.__cause__ = OperationalError("no address", errno=2003)
    error.__cause__.__cause__ = socket.gaierror()
    with pytest.raises(UnreachableError) as caught:
        Attempts(waits.limit, restarts=True).wait_after(error, proven=False)
    assert caught.value is error


def test_an_attempt_that_the_limit_cuts_short_tells_what_was_waited_for(waits):
    found = Attempts(waits.limit)
    error = ConnectTimeoutError("silent", errno=3024)
    found.wait_after(ReadOnlyServerError("takes no writes", errno=1290), proven=False)
    with pytest.raises(ReadOnlyServerError, match=r"takes no writes. It was tried 2 times in 0\.\d s") as caught:
        found.wait_after(error, proven=False)
    assert caught.value.errno == 1290
    assert caught.value.__cause__ is error


def test_without_time_no_attempt_is_begun(waits):
    error = TooManyConnectionsError("many", errno=1040, sqlstate="08004")
    waits.now = 109.91
    with pytest.raises(TooManyConnectionsError) as caught:
        Attempts(waits.limit).wait_after(error, proven=False)
    assert caught.value is error
    waits.now = 109.82
    found = Attempts(waits.limit)
    found.wait_after(error, proven=False)
    with pytest.raises(TooManyConnectionsError, match=r"many. It was tried 2 times in 0\.\d s") as caught:
        found.wait_after(error, proven=False)
    assert (caught.value.errno, caught.value.sqlstate) == (1040, "08004")
    assert caught.value.__cause__ is error


# -- SnapStart ----------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def hooks(monkeypatch):
    made = ModuleType("snapshot_restore_py")
    made.before, made.after = [], []
    made.register_before_snapshot, made.register_after_restore = made.before.append, made.after.append
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", made)
    monkeypatch.setattr(snapshot, "_restored", False)
    monkeypatch.setattr(snapshot, "_watched", False)
    return made


def test_before_a_snapshot_and_in_each_environment_after_it(hooks, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    calls = []
    assert snapshot.ahead()
    for _ in range(2):
        snapshot.watch(lambda: calls.append("before"), lambda: calls.append("after"))
    (before,), (after,) = hooks.before, hooks.after
    before()
    assert snapshot.ahead()
    after()
    assert calls == ["before", "after"]
    assert not snapshot.ahead()


@pytest.mark.parametrize("kind", ["on-demand", None])
def test_without_a_snapshot_nothing_is_watched(hooks, monkeypatch, kind):
    monkeypatch.delenv("AWS_LAMBDA_INITIALIZATION_TYPE", raising=False)
    if kind:
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
    assert not snapshot.ahead()
    snapshot.watch(print, print)
    assert (hooks.before, hooks.after) == ([], [])


def test_without_the_hooks_a_warning_says_so(hooks, monkeypatch, caplog):
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)
    snapshot.watch(print, print)
    assert "SnapStart's hooks" in caplog.text


# -- the end of the environment -----------------------------------------------------------------------------------------------------------


class Kept:
    """A connection that can be kept."""

    def __init__(self, *, closed=False):
        self.closed, self.closings, self.limits = closed, 0, []
        self.limit = self.limits.append

    def close(self):
        self.closings += 1
        self.closed = True


@pytest.fixture
def ending(monkeypatch):
    import weakref

    monkeypatch.setattr(shutdown, "_live", weakref.WeakSet())
    monkeypatch.setattr(shutdown, "_process", None)
    monkeypatch.setattr(shutdown.atexit, "register", lambda *_: None)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_open_connections_are_closed_within_a_moment(ending):
    open_one, closed_one = Kept(), Kept(closed=True)
    shutdown.keep(open_one)
    shutdown.keep(closed_one)
    shutdown.close_all()
    assert (open_one.closings, closed_one.closings) == (1, 0)
    (limit,) = open_one.limits
    assert limit.at - limit.began == pytest.approx(0.05)


def test_the_child_of_a_fork_closes_nothing_of_its_parents(ending):
    kept = Kept()
    shutdown.keep(kept)
    shutdown.after_fork()
    shutdown.close_all()
    assert kept.closings == 0


def test_only_the_process_itself_closes_at_its_exit(ending):
    kept = Kept()
    shutdown.keep(kept)
    shutdown._at_exit(-1)
    assert kept.closings == 0
    import os

    shutdown._at_exit(os.getpid())
    assert kept.closings == 1


def test_a_signal_closes_and_then_does_what_it_did(ending, monkeypatch):
    calls = []
    signal.signal(signal.SIGTERM, lambda *given: calls.append(given))
    shutdown._handle()
    shutdown._handle()
    kept = Kept()
    shutdown.keep(kept)
    signal.raise_signal(signal.SIGTERM)
    assert kept.closings == 1
    assert [number for number, _ in calls] == [signal.SIGTERM]


def test_a_handler_that_calls_the_one_it_found_is_called_once(ending, monkeypatch):
    """The one it found is rdspool's, which is set before it again at the next invocation."""
    calls, seen = [], []
    monkeypatch.setattr(shutdown.os, "_exit", seen.append)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    shutdown._handle()
    found = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *given: (calls.append(given), found(*given)))
    shutdown._handle()
    signal.raise_signal(signal.SIGTERM)
    assert len(calls) == 1
    assert seen == [143]


@pytest.mark.parametrize(("former", "ended"), [(signal.SIG_DFL, [143]), (signal.SIG_IGN, [])])
def test_a_signal_without_a_handler_ends_the_process_unless_it_was_ignored(ending, monkeypatch, former, ended):
    seen = []
    monkeypatch.setattr(shutdown.os, "_exit", seen.append)
    signal.signal(signal.SIGTERM, former)
    shutdown._handle()
    signal.raise_signal(signal.SIGTERM)
    assert seen == ended


@contextmanager
def extensions_api(status=200, identifier="id-1"):
    """A runtime API that registers extensions; the requests that came."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    seen, go = [], threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, self.headers["Lambda-Extension-Name"], body))
            self.send_response(status)
            if identifier:
                self.send_header("Lambda-Extension-Identifier", identifier)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self):
            seen.append((self.path, self.headers["Lambda-Extension-Identifier"]))
            go.set()
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", seen, go
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_in_lambda_an_extension_is_registered_and_asks_for_its_next_event(ending, monkeypatch):
    beginnings = []
    monkeypatch.setattr(shutdown.invocation, "at_begin", beginnings.append)
    with extensions_api() as (address, seen, go):
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", address)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        shutdown.prepare()
        shutdown.prepare()
        assert go.wait(10)
    assert seen == [("/2020-01-01/extension/register", "rdspool", b'{"events": []}'), ("/2020-01-01/extension/event/next", "id-1")]
    assert isinstance(signal.getsignal(signal.SIGTERM), shutdown._Terminate)
    assert beginnings == [shutdown._handle], "a function can set a handler of its own"


@pytest.mark.parametrize(("status", "identifier", "handled"), [(403, None, True), (500, None, False), (200, None, False)])
def test_where_no_extension_is_registered(ending, monkeypatch, status, identifier, handled):
    with extensions_api(status, identifier) as (address, seen, _):
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", address)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        shutdown.prepare()
        assert len(seen) == 1
    assert isinstance(signal.getsignal(signal.SIGTERM), shutdown._Terminate) is handled


def test_outside_of_lambda_no_signal_is_handled(ending, monkeypatch):
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    shutdown.prepare()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    monkeypatch.setattr(shutdown, "_process", None)
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    shutdown.prepare()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_the_usual_numbers():
    assert (units.ATTEMPTS, units.FIRST_PAUSE) == (5, 0.02)
    assert (attempts.FIRST_PAUSE, attempts.LONGEST_PAUSE) == (0.05, 1.0)
    assert time.monotonic() > 0
    assert issubclass(OutcomeUnknownError, OperationalError)


# -- a snapshot's engines, the role of a server, the limit of connections ------------------------------------------------------------------


@pytest.mark.parametrize(("connect", "connections"), [("init", 1), ("use", 0)])
def test_after_a_restore_an_engine_connects_at_once_where_that_is_asked_for(database, certificates, connect, connections):
    target = {"host": "127.0.0.1", "port": database.port, "user": "app", "password": "x", "ca": str(certificates.ca)}
    one = get_engine(**target, connect=connect)
    one.connect().close()
    engine._before_snapshot()
    assert one.pool.checkedin() == 0
    before = len(database.sessions)
    engine._after_restore()
    begun = one.pool._creator._init_connection
    assert (begun is not None) is (connect == "init")
    if begun is not None:
        begun._thread.join()
    assert len(database.sessions) == before + connections
    one.connect().close()
    assert len(database.sessions) == before + 1


@pytest.mark.parametrize(("told", "taken"), [("0", True), ("OFF", True), ("1", False), ("ON", False)])
def test_a_writer_takes_writes(database, certificates, told, taken):
    from rdspool._writer import READ_ONLY

    database.values |= dict.fromkeys(READ_ONLY, "0") | {READ_ONLY[-1]: told}
    target = {"host": "127.0.0.1", "port": database.port, "user": "app", "password": "x", "ca": str(certificates.ca)}
    one = get_engine(**target, role="writer", connect_timeout=0.4)
    if taken:
        one.connect().close()
        assert len(database.sessions) == 1
    else:
        with pytest.raises(exc.OperationalError) as caught:
            one.connect()
        assert isinstance(caught.value.orig, ReadOnlyServerError)
        assert 'which is "writer"' in str(caught.value)
        assert database.last_command() == b"\x01"
        # The time can be over while a later attempt signs in, or asks: then there is no goodbye.
        for session in range(len(database.sessions)):
            last = database.last_command(session)
            assert last in (b"\x01", b"") or READ_ONLY[-1].encode() in last


def test_a_writer_whose_question_fails_is_closed(database, certificates):
    from rdspool._writer import READ_ONLY

    target = {"host": "127.0.0.1", "port": database.port, "user": "app", "password": "x", "ca": str(certificates.ca)}
    one = get_engine(**target, role="writer")
    asked = "SELECT VERSION(), DATABASE(), @@transaction_isolation, @@sql_mode, @@lower_case_table_names, " + ", ".join(READ_ONLY)
    database.answers[asked] = [refusal(1193, "Unknown system variable", "HY000")]
    with pytest.raises(exc.DBAPIError, match="1193"):
        one.connect()
    assert database.last_command() == b"\x01"


@pytest.mark.parametrize(("yields", "idle", "disposed"), [(True, 1, 1), (False, 1, 0), (True, 0, 0)])
def test_connections_are_given_back_where_the_server_is_near_its_limit(monkeypatch, yields, idle, disposed):
    import weakref

    class One:
        def __init__(self):
            self.pool, self.disposals = SimpleNamespace(checkedin=lambda: idle), 0

        def dispose(self):
            self.disposals += 1

    one = One()
    monkeypatch.setattr(pressure, "_engines", weakref.WeakKeyDictionary({one: SimpleNamespace(yields=yields, yielded=lambda: None)}))
    pressure.give_back()
    assert one.disposals == disposed


def test_a_connection_knows_the_pressure_of_its_creator(database, found):
    made = found.pool._creator
    made.pressure = pressure.Pressure("automatic")
    with found.connect() as connection:
        assert connection.connection.dbapi_connection.pressure is made.pressure


def test_a_refusal_for_too_many_is_pressure(certificates, server_tls):
    from fake_sign_in import READ, Listener

    server = Listener(server_tls, [(READ, refusal(1040, "Too many connections", "08004"))] * 9)
    one = get_engine(host="127.0.0.1", port=server.port, user="app", password="x", ca=str(certificates.ca), connect_timeout=0.3)
    one.pool._creator.pressure = pressure.Pressure("automatic")
    with pytest.raises(exc.OperationalError):
        one.connect()
    assert one.pool._creator.pressure.yields
    server.close()


def test_a_tracer_that_replaces_the_drivers_connect_is_called_and_messages_still_name_the_url(database, certificates, monkeypatch):
    from rdspool import SettingsError, dbapi
    from sqlalchemy import create_engine

    real, calls = dbapi.connect, []

    def traced(*arguments, **options):
        calls.append(sorted(options))
        return real(*arguments, **options)

    monkeypatch.setattr(dbapi, "connect", traced)
    url = f"mysql+rdspool://app:x@127.0.0.1:{database.port}/?ca={certificates.ca}"
    create_engine(url).connect().close()
    assert calls == [["ca", "host", "password", "port", "user"]]
    with pytest.raises(SettingsError, match=r"wait_timeout in create_engine\(\)'s URL is 'long'"):
        create_engine(f"{url}&wait_timeout=long").connect()
    assert len(calls) == 2
