"""Where a rule begins to hold: the first and the last value, the second of several, the clock that goes back."""

from __future__ import annotations

import copy
import logging
import ssl
import sys
import threading
import time
from types import SimpleNamespace

import botocore.session
import pytest
from botocore.credentials import Credentials as BotocoreCredentials
from fake_server import AUTOCOMMIT, column, ok, refusal, result, row
from fake_sign_in import READ, Listener
from mysql.connector.constants import FieldFlag, FieldType
from mysql.connector.errors import InterfaceError, ProgrammingError
from rdspool import ProtocolError, Settings, SettingsError, dbapi, pool
from rdspool._aws.authorities import PROXY_ROOTS, ROOTS, root_files
from rdspool._aws.credentials import Credentials
from rdspool._aws.endpoints import is_proxy, region_of
from rdspool._aws.token import TokenSource, sign
from rdspool._driver import effects, resumption, rows, tls
from rdspool._driver.batches import Batch
from rdspool._driver.columns import Column, parse_column
from rdspool._driver.probes import ProbeCursor, ask, asked_together
from rdspool._driver.statements import filled, template
from rdspool._lambda import init_connection, installation
from rdspool._lambda.init_connection import InitConnection
from rdspool.deadlines import Limit, within
from rdspool.secret import EmptiedFrames, Secret, hide

KEYS = Credentials("AKIA", Secret("key"))
LIMIT = Limit(time.monotonic() + 1000, 0.0, "the test's")


def commands_of(server):
    """The commands of a connection, once its client has closed it."""
    server.wait()  # until its script is at its end
    return server.after.wait()


# -- TLS sessions kept for a reconnect -------------------------------------------------------------------------------------------------


class Ticket:
    """A session as a server's ticket makes it."""

    def __init__(self, made, timeout=7200, *, ticket=True):
        self.time, self.timeout, self.has_ticket = made, timeout, ticket


class Channel:
    """What the kept sessions ask of a TLS socket."""

    def __init__(self, session, *, reused=False, ends="Jun  9 12:00:00 2036 GMT"):
        self.session, self.session_reused, self._ends = session, reused, ends

    def getpeercert(self):
        return {"notAfter": self._ends} if self._ends else {}


NOW = 1_900_000_000.0
"""In March 2030."""


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still where a test has put it."""
    found = SimpleNamespace(now=NOW)
    monkeypatch.setattr(resumption, "time", SimpleNamespace(time=lambda: found.now))
    return found


@pytest.fixture
def context():
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def test_a_session_counts_from_its_handshake_to_its_end_without_that(clock, context):
    resumption.keep(context, "a:1", Channel(Ticket(NOW)), None)
    kept = resumption.recall(context, "a:1")
    assert (kept.since, kept.until) == (NOW, NOW + 14_400)
    clock.now = NOW + 14_399
    assert resumption.recall(context, "a:1") is kept
    clock.now = NOW + 14_400
    assert resumption.recall(context, "a:1") is None
    clock.now = NOW
    assert resumption.recall(context, "a:1") is None, "what has ended does not come back with the clock"


def test_a_session_does_not_outlast_the_certificate(clock, context):
    resumption.keep(context, "a:1", Channel(Ticket(NOW), ends="Mar 17 18:00:00 2030 GMT"), None)
    assert resumption.recall(context, "a:1").until == ssl.cert_time_to_seconds("Mar 17 18:00:00 2030 GMT")
    resumption.keep(context, "b:1", Channel(Ticket(NOW), ends=None), None)
    assert resumption.recall(context, "b:1") is None


def test_a_resumed_session_is_replaced_once_half_its_life_is_over(clock, context):
    resumption.keep(context, "a:1", Channel(Ticket(NOW)), None)
    first = resumption.recall(context, "a:1")
    later = Channel(Ticket(NOW + 1), reused=True)
    clock.now = NOW + 3599
    resumption.keep(context, "a:1", later, first)
    assert resumption.recall(context, "a:1") is first
    clock.now = NOW + 3600
    resumption.keep(context, "a:1", later, first)
    second = resumption.recall(context, "a:1")
    assert second.session is later.session
    assert (second.since, second.until) == (first.since, first.until)


def test_a_session_that_was_offered_and_not_resumed_is_a_handshake_of_its_own(clock, context):
    resumption.keep(context, "a:1", Channel(Ticket(NOW)), None)
    first = resumption.recall(context, "a:1")
    clock.now = NOW + 100
    resumption.keep(context, "a:1", Channel(Ticket(NOW + 100)), first)
    assert resumption.recall(context, "a:1").since == NOW + 100


@pytest.mark.parametrize("session", [None, Ticket(NOW, ticket=False)])
def test_without_a_ticket_nothing_is_kept(clock, context, session):
    resumption.keep(context, "a:1", Channel(session), None)
    assert resumption.recall(context, "a:1") is None


def test_64_servers_are_kept(clock, context):
    for number in range(64):
        resumption.keep(context, f"host:{number}", Channel(Ticket(NOW)), None)
    assert resumption.recall(context, "host:0") is not None
    resumption.keep(context, "one more", Channel(Ticket(NOW)), None)
    assert resumption.recall(context, "host:0") is None
    assert resumption.recall(context, "one more") is not None


# -- statements ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT [it's], %s", b"SELECT [it's], 7"),
        ("SELECT [%s], %s", b"SELECT [%s], 7"),
        ("SELECT [a]]b's], %s", b"SELECT [a]]b's], 7"),
        ("SELECT [a]] %s ], %s", b"SELECT [a]] %s ], 7"),
        ("SELECT [a]]], %s", b"SELECT [a]]], 7"),
    ],
)
def test_a_name_in_brackets_is_text(statement, expected):
    """As MariaDB's sql_mode MSSQL reads it: a value within could end the name with a bracket of its own."""
    known = template(statement, (7,), str)
    assert filled(known.pieces, [7]) == expected


def test_only_a_dict_or_another_mapping_gives_values_by_name():
    known = template("SELECT %(a)s, %(b)s, %(a)s", {"a": 1, "b": 2}, str)
    assert known.values({"b": 3, "a": 4, "c": 5}) == [4, 3, 4]
    from collections import ChainMap

    assert known.values(ChainMap({"a": 1}, {"b": 2})) == [1, 2, 1]
    with pytest.raises(ProgrammingError, match="by name, from a dict, not from list"):
        known.values([1, 2])
    with pytest.raises(ProgrammingError, match=r"the placeholder %\(b\)s, which has no value; values were given for: a, each"):
        known.values({"a": 1})
    with pytest.raises(ProgrammingError, match=r"the name of a parameter is a str, not int \(5\)"):
        known.values({"a": 1, "b": 2, 5: 3})


@pytest.mark.parametrize(("size", "most", "together"), [(1024, 2049, 2), (1024, 2048, 1), (1025, 2049, 1)])
def test_a_batch_holds_as_many_rows_as_fit_with_the_commas_between(size, most, together):
    batch = Batch(b"INSERT INTO t VALUES ", [b"(", b")"], b"")
    given = [b"x" * size] * 5
    sent = list(batch.statements(given, most))
    assert [one.count(b"x" * size) for one in sent] == ([2, 2, 1] if together == 2 else [1] * 5)
    assert b"".join(sent).count(b"x") == 5 * size


# -- rows that can't be read ------------------------------------------------------------------------------------------------------------


def unreadable(payload, *kinds):
    described = [Column(f"c{number}", kind, 0, 45) for number, kind in enumerate(kinds)]
    with pytest.raises(ProtocolError) as caught:
        rows.read([payload], described, rows.converters(described))
    return str(caught.value)


def test_the_first_column_that_is_the_reason_is_named():
    text = unreadable(row(None, b"1", b"x", b"y"), FieldType.LONG, FieldType.LONG, FieldType.LONG, FieldType.LONG)
    assert "column 'c2' (LONG) holds b'x'" in text
    assert "'c3'" not in text
    assert "column 'c1' (VECTOR)" in unreadable(row(b"1", b"123"), FieldType.LONG, FieldType.VECTOR)


def test_bytes_left_over_are_counted():
    assert "it has 2 bytes more than its 2 columns" in unreadable(row(None, b"1") + b"\x01\x02", FieldType.LONG, FieldType.LONG)


def test_a_value_that_is_shown_is_cut():
    text = unreadable(row(b"z" * 61), FieldType.LONG)
    assert "z" * 60 in text.replace("invalid literal for int() with base 10: b'" + "z" * 61, "")
    assert f"holds b'{'z' * 60}':" in text


@pytest.mark.parametrize("size", [249, 250, 251, 252, 65535, 65536])
def test_values_of_each_length_beside_a_null(size):
    described = [Column("a", FieldType.BLOB, 0, 63)] * 3
    found = [row(b"v" * size, None, b"w")]
    rows.read(found, described, rows.converters(described))
    assert found == [(b"v" * size, None, b"w")]


def test_what_can_be_null_and_what_cant():
    payloads = [column("a", flags=FieldFlag.NOT_NULL), column("b", flags=FieldFlag.PRI_KEY), column("c", flags=0x0FFF), column("d")]
    assert [parse_column(payload).description[6] for payload in payloads] == [False, True, False, True]


# -- what SQLAlchemy asks at the first connect -----------------------------------------------------------------------------------------------


class Asked:
    """A cursor that notes what it is asked."""

    rowcount, description, lastrowid = 5, "theirs", 7

    def __init__(self):
        self.calls = []

    def execute(self, *given):
        self.calls.append(given)

    def fetchone(self):
        return "one"

    def fetchall(self):
        return ["all"]

    def fetchmany(self, size):
        return [size]


def test_a_probe_knows_its_answers_and_passes_the_rest_on():
    real = Asked()
    probe = ProbeCursor(real, {"SELECT A()": b"a"})
    probe.execute("SELECT A()")
    assert (probe.rowcount, probe.description[0][0], real.calls) == (1, "SELECT A()", [])
    assert (probe.fetchone(), probe.fetchone(), probe.fetchall()) == ((b"a",), None, [])
    probe.execute("SELECT A()")
    assert (probe.fetchall(), probe.fetchall(), probe.fetchone()) == ([(b"a",)], [], None)
    probe.execute("SELECT A()")
    assert (probe.fetchmany(), probe.fetchmany()) == ([(b"a",)], [])
    probe.execute("SELECT A()", (1,))
    probe.execute("SELECT B()")
    assert real.calls == [("SELECT A()", (1,)), ("SELECT B()", None)]
    assert (probe.rowcount, probe.description, probe.lastrowid) == (5, "theirs", 7)
    assert (probe.fetchone(), probe.fetchall(), probe.fetchmany(3), probe.fetchmany()) == ("one", ["all"], [3], [1])


def test_a_connection_is_its_own_again_after_the_questions(connect):
    connection, server = connect()
    told = result([column(str(number)) for number in range(5)], [row(b"9.7.0", b"shop", b"REPEATABLE-READ", b"ANSI", b"0")])
    server.will_answer(told, [ok(3)])
    statements = ("SELECT VERSION()", "SELECT @@tx_isolation", "SELECT @@transaction_isolation", "SELECT @@sql_mode", "SELECT DATABASE()")
    answers = []
    with pytest.raises(KeyError), asked_together(connection):
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
            answers.append(cursor.fetchone())
        raise KeyError
    assert answers == [("9.7.0",), ("REPEATABLE-READ",), ("REPEATABLE-READ",), ("ANSI",), ("shop",)]
    assert server.statements == [b"SELECT VERSION(), DATABASE(), @@transaction_isolation, @@sql_mode, @@lower_case_table_names"]
    cursor = connection.cursor()
    cursor.execute("SELECT VERSION()")
    assert cursor.rowcount == 3


def test_what_the_connect_has_asked_is_not_asked_again(connect):
    connection, server = connect()
    told = result([column(str(number)) for number in range(6)], [row(b"9.7.0", None, b"SERIALIZABLE", b"", b"0", b"1")])
    server.will_answer(told)
    connection.asked = ask(connection, "@@global.read_only")
    assert connection.asked["@@global.read_only"] == "1"
    with asked_together(connection):
        cursor = connection.cursor()
        cursor.execute("SELECT @@transaction_isolation")
        assert cursor.fetchone() == ("SERIALIZABLE",)
    assert len(server.statements) == 1


# -- the connection made during init ---------------------------------------------------------------------------------------------------------


class Made:
    """A connection that notes what is done with it."""

    def __init__(self, usable=True):
        self.closed, self.gaps, self._usable = False, [], usable

    def usable(self, gap):
        self.gaps.append(gap)
        return self._usable

    def close(self):
        self.closed = True


def test_a_connection_that_is_young_and_usable_is_taken_once():
    made = Made()
    begun = InitConnection(lambda: made)
    assert begun.take(60, 5.0, LIMIT) is made
    assert (made.gaps, made.closed) == ([5.0], False)
    assert begun.take(60, 5.0, LIMIT) is None


def test_a_connection_that_is_lost_is_closed():
    made = Made(usable=False)
    assert InitConnection(lambda: made).take(60, 5.0, LIMIT) is None
    assert made.closed


@pytest.mark.parametrize(("age", "taken"), [(59.0, True), (60.0, False), (61.0, False)])
def test_a_connection_of_another_time_is_closed(monkeypatch, age, taken):
    now = time.time()
    monkeypatch.setattr(init_connection.time, "time", lambda: now)
    made = Made()
    begun = InitConnection(lambda: made)
    monkeypatch.setattr(init_connection.time, "time", lambda: now + age)
    assert (begun.take(60, 5.0, LIMIT) is made) is taken
    assert made.closed is not taken


def test_the_connection_of_a_parent_stays_the_parents(monkeypatch):
    made = Made()
    begun = InitConnection(lambda: made)
    monkeypatch.setattr(init_connection.os, "getpid", lambda: -1)
    assert begun.take(60, 5.0, LIMIT) is None
    monkeypatch.undo()
    assert not made.closed
    assert begun.take(60, 5.0, LIMIT) is made


def test_a_failure_in_the_thread_is_logged_and_kept(caplog):
    def fail():
        raise KeyboardInterrupt("no")

    begun = InitConnection(fail)
    with caplog.at_level(logging.WARNING, "rdspool"):
        assert begun.take(60, 5.0, LIMIT) is None
    assert "the connection made during init failed: no" in caplog.text
    assert isinstance(begun.failure, KeyboardInterrupt)


def test_a_connection_that_is_not_there_at_the_limit():
    go = threading.Event()
    begun = InitConnection(go.wait)
    with pytest.raises(TimeoutError):
        begun.take(60, 5.0, within(0.05, "the test's"))
    go.set()
    begun._thread.join()


def test_a_failure_is_fresh_for_five_seconds(monkeypatch):
    now = time.time()
    monkeypatch.setattr(init_connection.time, "time", lambda: now)

    def fail():
        raise OSError

    begun = InitConnection(fail)
    begun._thread.join()
    assert begun.just_failed
    monkeypatch.setattr(init_connection.time, "time", lambda: now + 4.5)
    assert begun.just_failed
    monkeypatch.setattr(init_connection.time, "time", lambda: now + 5.5)
    assert not begun.just_failed
    assert not InitConnection(Made).just_failed


def test_the_thread_does_not_stop_the_process():
    go = threading.Event()
    begun = InitConnection(go.wait)
    assert begun._thread.daemon
    assert begun._thread.name == "rdspool-connect"
    go.set()
    begun._thread.join()


# -- secrets ---------------------------------------------------------------------------------------------------------------------------


def test_a_copy_of_a_secret_is_the_secret():
    secret = Secret("x")
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret
    assert hash(secret) == hash(Secret("x"))
    assert secret != "x"
    assert (str(secret), repr(secret), f"{secret:>9}") == ("***", "***", "***")
    assert not hasattr(secret, "__dict__")


def frames_with(error, name):
    """The values that the frames of an error and of its causes have under a name."""
    found, seen, left = [], set(), [error]
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        left += [one.__cause__, one.__context__]
        step = one.__traceback__
        while step is not None:
            if name in step.tb_frame.f_locals:
                found.append(step.tb_frame.f_locals[name])
            step = step.tb_next
    return found


def test_the_frames_of_causes_and_contexts_are_emptied_in_a_ring_too():
    def inner():
        held = "the secret"
        raise ValueError(len(held))

    def outer():
        held = "the secret"
        try:
            inner()
        except ValueError as error:
            raise KeyError(len(held)) from error

    def ring():
        try:
            outer()
        except KeyError as error:
            error.__cause__.__context__ = error
            held = RuntimeError("the secret")
            held.__cause__ = OSError("first, without frames")
            held.__context__ = error
            raise held  # noqa: B904 - its causes are those above

    with pytest.raises(RuntimeError) as caught, EmptiedFrames():
        ring()
    assert frames_with(caught.value, "held") == []


def test_what_is_hidden_and_what_stays():
    options = {"password": "p", "port": 3306, "host": "h", "user": None, "odd": ["p"], "already": Secret("s")}
    hide(options, {"host"})
    assert options == {"password": Secret("p"), "port": int, "host": "h", "user": None, "odd": list, "already": Secret("s")}


# -- names and regions ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "region", "proxy"),
    [
        ("proxy-c1abc.eu-central-1.rds.amazonaws.com", "eu-central-1", False),
        ("a.b.proxy-c1abc.eu-central-1.rds.amazonaws.com", "eu-central-1", False),
        ("a.endpoint.proxy-c1abc.eu-central-1.rds.amazonaws.com", "eu-central-1", True),
        ("a.endpoint.x.proxy-c1abc.eu-central-1.rds.amazonaws.com", "eu-central-1", False),
        ("rds.eu-central-1.example.com", "eu-central-1", False),
        ("eu-central-1.rds", "eu-central-1", False),
        ("rds.rds", None, False),
        ("a.b.rds", None, False),
        ("a.eu-central-1.b.rds.amazonaws.com", None, False),
    ],
)
def test_where_a_name_has_its_region(host, region, proxy):
    assert (region_of(host), is_proxy(host)) == (region, proxy)


def test_the_roots_of_each_kind_of_name():
    regions = f"{ROOTS}/eu-central-1.pem"
    assert root_files("db.c1abc.eu-central-1.rds.amazonaws.com", "eu-central-1", None) == (regions,)
    assert root_files("p.proxy-c1abc.eu-central-1.rds.amazonaws.com", "eu-central-1", None) == (PROXY_ROOTS,)
    assert root_files("db.example.com", "eu-central-1", None) == (regions, PROXY_ROOTS)
    assert root_files("p.proxy-c1abc.eu-central-1.rds.amazonaws.com", "eu-central-1", "own.pem") == ("own.pem",)
    with pytest.raises(SettingsError, match="for the region 'xx-nowhere-1'"):
        root_files("db.example.com", "xx-nowhere-1", None)
    with pytest.raises(SettingsError, match=r"for the host 'db\.example\.com', whose region is not known"):
        root_files("db.example.com", None, None)


# -- tokens ----------------------------------------------------------------------------------------------------------------------------


def test_a_token_for_an_address_of_ipv6_is_botocores(monkeypatch):
    import datetime

    client = botocore.session.Session()
    client._credentials = BotocoreCredentials("AKIA", "key")
    made = client.create_client("rds", region_name="eu-central-1")
    at = 1_795_436_461
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: moment)
    for port in (443, 3306):
        expected = made.generate_db_auth_token(DBHostname="[2001:db8::1]", Port=port, DBUsername="app", Region="eu-central-1")
        assert sign("2001:db8::1", port, "app", "eu-central-1", KEYS, at).reveal() == expected
        assert expected.startswith(f"[2001:db8::1]:{port}/?")


def test_a_token_is_kept_to_two_minutes_before_its_end(monkeypatch):
    clock = SimpleNamespace(now=NOW)
    monkeypatch.setattr("rdspool._aws.token.time.time", lambda: clock.now)
    found = TokenSource("h", 3306, "app", "eu-central-1", lambda _: KEYS)
    first, served = found.get()
    assert not served
    clock.now = NOW + 779
    assert found.get() == (first, True)
    clock.now = NOW + 780
    second, served = found.get()
    assert (served, second != first) == (False, True)
    assert repr(found) == "<TokenSource app@h:3306 in eu-central-1>"


# -- connect() --------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def target(server_tls, certificates, function_environment):
    """A listening server and connect()'s arguments for it."""
    server = Listener(server_tls, [(READ, ok(status=AUTOCOMMIT))])
    yield server, {"host": "127.0.0.1", "port": server.port, "user": "app", "password": "x", "ca": str(certificates.ca)}
    server.close()


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("true", 1), ("yes", 1), ("ON", 1), ("1", 1), (True, 1), (1, 1),
        ("false", 0), ("No", 0), ("off", 0), ("0", 0), (False, 0), (0, 0),
    ],
)  # fmt: skip
def test_yes_and_no(target, given, value):
    server, arguments = target
    made = dbapi.connect(**arguments, autocommit=given)
    made.close()
    assert f"@@session.autocommit = {value}".encode() in commands_of(server.servers[0])[0]


@pytest.mark.parametrize("charset", ["utf8mb4", "UTF8MB4", "utf8"])
def test_the_names_of_the_only_character_set(target, charset):
    _, arguments = target
    made = dbapi.connect(**arguments, charset=charset)
    assert made.charset == "utf8mb4"
    made.close()


def test_a_time_of_nothing_is_taken(target):
    _, arguments = target
    made = dbapi.connect(**arguments, read_timeout=0, write_timeout="0")
    assert (made.read_timeout, made.write_timeout) == (0.0, 0.0)
    made.close()


def test_connect_reads_no_variable_of_the_engines_but_those_of_the_place(target, monkeypatch):
    server, arguments = target
    monkeypatch.setenv("RDSPOOL_CA", arguments.pop("ca"))
    monkeypatch.setenv("RDSPOOL_USER", "other")
    monkeypatch.setenv("RDSPOOL_WAIT_TIMEOUT", "77")
    monkeypatch.setenv("RDSPOOL_NONSENSE", "1")
    made = dbapi.connect(**arguments)
    assert made.user == "app"
    made.close()
    assert b"wait_timeout" not in commands_of(server.servers[0])[0]


def test_one_kind_of_address_where_it_is_asked_for(target):
    _, arguments = target
    with pytest.raises(dbapi.OperationalError, match="no address"):
        dbapi.connect(**{**arguments, "force_ipv6": True})


def test_what_is_fetched_without_a_result(connect):
    connection, server = connect()
    server.will_answer([ok()], [refusal(1064)])
    for kind in ({}, {"buffered": False}):
        cursor = connection.cursor(**kind)
        with pytest.raises(InterfaceError, match="there is no result to fetch from"):
            cursor.fetchall()


def test_the_version_is_the_connectors():
    import mysql.connector.version

    assert dbapi.__version__ == mysql.connector.version.VERSION_TEXT
    assert (dbapi.apilevel, dbapi.paramstyle, dbapi.threadsafety) == ("2.0", "pyformat", 1)
    assert sys.modules["rdspool.dbapi"] is dbapi


def test_what_is_not_offered_names_itself_and_its_owner(connect):
    connection, _ = connect()
    for owner, name in ((connection, "reconnect"), (connection, "nonsense"), (connection.cursor(), "stored_results")):
        with pytest.raises(AttributeError) as caught:
            getattr(owner, name)
        assert (caught.value.name, caught.value.obj) == (name, owner)
    assert not connection.lost


@pytest.mark.parametrize("before", ["", " ", "\n\t", "(", "/* a */ "])
@pytest.mark.parametrize("statement", ["WITH a AS (SELECT 1) UPDATE t SET b = 1", "EXPLAIN ANALYZE DELETE FROM t"])
def test_a_change_behind_with_or_explain_is_one_wherever_it_begins(before, statement):
    assert effects.of((before + statement).encode()) & effects.WRITES
    assert not effects.of((before + statement.replace("UPDATE", "SELECT").replace("DELETE", "SELECT 1")).encode()) & effects.WRITES


def test_a_value_whose_placeholder_is_text_is_not_used_in_silence():
    known = template("SELECT '%(a)s', %(b)s -- %(c)s", {"b": 1}, str)
    assert known.values({"b": 2}) == [2]
    for wrong in ("a", "c"):
        with pytest.raises(ProgrammingError, match=rf"the placeholder %\({wrong}\)s stands in quotes or a comment"):
            known.values({"b": 2, wrong: 3})
    both = template("SELECT '%(a)s', %(a)s", {"a": 1}, str)
    assert both.values({"a": 2}) == [2], "it stands in the code too"


def test_any_mapping_names_its_values():
    from collections import ChainMap

    values = ChainMap({"a": 1})
    known = template("SELECT %(a)s", values, str)
    assert filled(known.pieces, known.values(values)) == b"SELECT 1"


def test_a_common_name_is_no_name_of_a_server(certificates):
    assert tls.context((str(certificates.ca),)).hostname_checks_common_name is False


def test_an_explained_error_of_an_import_is_of_the_same_module(monkeypatch):
    import sqlalchemy

    monkeypatch.setattr(sqlalchemy, "__version__", "1.4.0")
    found = installation.explained(ImportError("no name", name="sqlalchemy.pool", path="there"))
    assert (found.name, found.path) == ("sqlalchemy.pool", "there")
    assert "SQLAlchemy 1.4.0" in str(found)


def test_defaults_of_settings_and_of_the_pool():
    made = Settings(host="h", user="u")
    assert (made.reset_session, made.multi_statements, made.connect, made.wait_timeout) == (True, False, "use", 330)
    assert (pool.POOL_SIZE, pool.IDLE_GAP) == (1, 5.0)


def test_what_does_not_fit_is_told_without_a_hint_where_there_is_none():
    with pytest.raises(ProgrammingError, match=r"it has 2 placeholders \(%s\), 1 values were given$"):
        template("SELECT %s, %s", (1,), str)
