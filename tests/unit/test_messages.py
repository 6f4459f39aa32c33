"""Each message that names a setting names the place that was used: for each setting, each place and each message."""

from __future__ import annotations

import ast
import logging
import socket
import ssl
import time
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from mysql.connector.errors import InterfaceError, OperationalError, ProgrammingError
from rdspool import CredentialsError, ProtocolError, RdspoolError, Settings, SettingsError, StatementTimeoutError, _writer, dbapi
from rdspool._aws import stored
from rdspool._aws.authorities import root_files
from rdspool._aws.credentials import Credentials
from rdspool._aws.diagnosis import explain
from rdspool._aws.stored import Stored
from rdspool._aws.token import sign
from rdspool._driver import unverified
from rdspool._driver.packets import PacketStream
from rdspool._driver.sign_in import ClearPasswordError, NoTlsError
from rdspool._login import completed, context, login, session_start
from rdspool._settings.defaults import BEFORE_OPTIONS, IDENTITY, OF_A_FUNCTION
from rdspool._settings.places import Variables
from rdspool._settings.sources import of_engine
from rdspool.creator import Creator
from rdspool.deadlines import Limit
from rdspool.doctor import advice
from rdspool.doctor import sign_in as doctor_sign_in
from rdspool.doctor import tls as doctor_tls
from rdspool.doctor.patient import Patient
from rdspool.doctor.server import _writer_endpoint
from rdspool.secret import Secret, hide
from rdspool.settings import SETTING_NAMES
from sqlalchemy import create_engine, exc

PACKAGE = Path(__file__).resolve().parents[2] / "python" / "rdspool"
LIMIT = Limit(104.0, 100.0, "a limit")
READER = "app.cluster-ro-c1abc.eu-central-1.rds.amazonaws.com"
GOOD = {
    "host": "db.internal",
    "endpoint": READER,
    "user": "app",
    "port": "3307",
    "database": "shop",
    "region": "eu-central-1",
    "password": "word",
    "secret": "shop/app",
    "password_parameter": "/shop/app",
    "development": "true",
    "ca": __file__,
    "pool_recycle": "60",
    "wait_timeout": "90",
    "isolation_level": "READ COMMITTED",
    "connect_timeout": "4",
    "deadline_margin_ms": "250",
    "connect": "use",
    "max_allowed_packet": "4096",
    "connections": "keep",
    "log_connects": "info",
    "metrics": "emf",
    "role": "writer",
    "reset_session": "true",
    "shutdown": "true",
    "multi_statements": "false",
}
WRONG = {
    "host": "a!b",
    "endpoint": "a!b",
    "user": "u" * 81,
    "port": "70000",
    "database": " shop",
    "region": "Frankfurt",
    "password": "word\0",
    "secret": "word!",
    "password_parameter": "word!",
    "ca": "no-such-file.pem",
    "isolation_level": "CHAOS",
    **dict.fromkeys(("pool_recycle", "wait_timeout", "connect_timeout", "deadline_margin_ms", "max_allowed_packet"), "soon"),
    **dict.fromkeys(
        ("connect", "connections", "development", "log_connects", "metrics", "role", "reset_session", "shutdown", "multi_statements"),
        "maybe",
    ),
}


def test_every_setting_is_among_those_that_are_tried():
    assert set(GOOD) == set(WRONG) == set(SETTING_NAMES)


# -- the places --------------------------------------------------------------------------------------------------------------------------


def url_of(values):
    """A URL with these settings."""
    options = "&".join(f"{key}={quote(value, safe='')}" for key, value in values.items() if key not in BEFORE_OPTIONS)
    password = f":{quote(values['password'], safe='')}" if "password" in values else ""
    who = f"{quote(values['user'], safe='')}{password}@" if "user" in values else ""
    database = values.get("database", "")  # SQLAlchemy 2.0 takes it as it is written, 2.1 decodes it
    return f"mysql+rdspool://{who}{values['host']}:{values.get('port', 3306)}/{database}?{options}"


def read(name, environ, arguments):
    given = dict(arguments)
    hide(given, ())
    return Settings.read(of_engine(name), Variables(environ), given)


def captured(monkeypatch, call):
    """The settings with which `call` would connect."""
    found = []

    def stop(settings, *_, **__):
        found.append(settings)
        raise SettingsError("far enough")

    monkeypatch.setattr(dbapi, "Creator", stop)
    with pytest.raises((SettingsError, CredentialsError)) as caught:
        call()
    if not found:
        raise caught.value
    return found[0]


def from_create_engine(monkeypatch, url, arguments):
    with monkeypatch.context() as patch:
        return captured(patch, lambda: create_engine(url, connect_args=arguments).connect())


def variables(prefix, values):
    return {f"{prefix}{key.upper()}": value for key, value in values.items()}


PLACES = {
    "variable": (lambda _, v: read(None, variables("RDSPOOL_", v), {}), lambda key: f"RDSPOOL_{key.upper()}"),
    "variable of a named engine": (
        lambda _, v: read("reader", variables("RDSPOOL_READER_", v), {}),
        lambda key: f"RDSPOOL_READER_{key.upper()}",
    ),
    "argument": (lambda _, v: read(None, {}, v), lambda key: f"get_engine({key}=...)"),
    "argument of a named engine": (lambda _, v: read("Reader", {}, v), lambda key: f'get_engine("reader", {key}=...)'),
    "URL in a variable": (lambda _, v: read(None, {"RDSPOOL_URL": url_of(v)}, {}), lambda key: f"{key} in RDSPOOL_URL"),
    "URL of a named engine": (
        lambda _, v: read("reader", {"RDSPOOL_READER_URL": url_of(v)}, {}),
        lambda key: f"{key} in RDSPOOL_READER_URL",
    ),
    "URL as an argument": (lambda _, v: read(None, {}, {"url": url_of(v)}), lambda key: f"{key} in get_engine(url=...)"),
    "create_engine()": (lambda patch, v: from_create_engine(patch, url_of(v), {}), lambda key: f"{key} in create_engine()'s URL"),
    "connect_args": (lambda patch, v: from_create_engine(patch, "mysql+rdspool://", v), lambda key: f'connect_args["{key}"]'),
    "connect()": (lambda patch, v: captured(patch, lambda: dbapi.connect(**v)), lambda key: f"connect({key}=...)"),
    "Settings.load()": (lambda _, v: Settings.load(environ={}, **v), lambda key: f"Settings.load({key}=...)"),
}
OF_CONNECT = ("create_engine()", "connect_args", "connect()")
"""The places that dbapi.connect() reads."""


@pytest.fixture(params=PLACES)
def place(request, monkeypatch):
    """Return a function that reads settings from one place, one that returns what a setting is called there, and one that returns where a
    setting belongs that nobody gave."""
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "RDSPOOL_CA", *OF_A_FUNCTION):
        monkeypatch.delenv(variable, raising=False)
    make, called = PLACES[request.param]

    def belongs(key):
        match request.param:
            case "connect()":
                return called(key)
            case "create_engine()" | "connect_args":
                return f"{'' if key in BEFORE_OPTIONS else '?'}{key}{'' if key in BEFORE_OPTIONS else '=...'} in create_engine()'s URL"
            case "variable of a named engine" | "argument of a named engine" | "URL of a named engine":
                return f"RDSPOOL_READER_{key.upper()}"
            case _:
                return f"RDSPOOL_{key.upper()}"

    return lambda values: make(monkeypatch, values), called, belongs


@pytest.mark.parametrize("key", SETTING_NAMES)
def test_a_wrong_value(place, key):
    load, called, _ = place
    values = {"host": GOOD["host"], "user": GOOD["user"], "region": GOOD["region"], key: WRONG[key]}
    with pytest.raises(SettingsError) as caught:
        load(values)
    if f"the option {key!r} is not taken" in str(caught.value):
        assert key in dbapi._REFUSED
        return
    # A port that is no number spoils the whole URL.
    assert (called("url").partition(" in ")[2] if key == "port" and " in " in called(key) else called(key)) in str(caught.value)


@pytest.mark.parametrize("name", [None, "reader"])
@pytest.mark.parametrize("key", sorted(set(SETTING_NAMES) - IDENTITY))
def test_a_variable_that_two_engines_share(key, name):
    found = read(
        name,
        {"RDSPOOL_HOST": "a", "RDSPOOL_READER_HOST": "b", "RDSPOOL_USER": "a", "RDSPOOL_READER_USER": "b", "AWS_REGION": "eu-west-1"}
        | {f"RDSPOOL_{key.upper()}": GOOD[key]},
        {},
    )
    assert found.sources[key] == f"RDSPOOL_{key.upper()}"


@pytest.mark.parametrize("key", SETTING_NAMES)
def test_a_setting_that_nobody_gave_belongs_to_the_engines_variables(key):
    assert of_engine()[key] == f"RDSPOOL_{key.upper()}"
    assert of_engine("Reader")[key] == f"RDSPOOL_READER_{key.upper()}"


# -- the messages ------------------------------------------------------------------------------------------------------------------------


def caused(error, cause):
    error.__cause__ = cause
    return error


def certificate(code):
    cause = ssl.SSLCertVerificationError(1, "certificate verify failed")
    cause.verify_code, cause.verify_message = code, "self-signed certificate"
    return caused(InterfaceError("TLS failed", errno=2026), cause)


def explained(error, secret=None):
    return lambda settings: str(explain(error, settings, secret(settings) if secret else settings.password, LIMIT))


def refused(number):
    return ProgrammingError("Access denied", errno=number, sqlstate="28000")


def own_token(age, **others):
    def make(settings):
        given = {"host": settings.own_name, "port": settings.own_port, "user": settings.user, **others}
        return sign(*given.values(), "eu-central-1", Credentials("AKIA", Secret("key")), time.time() - age)

    return make


def damaged(_):
    return Secret("db/?X-Amz-Date=x&X-Amz-Signature=1")


def no_roots(settings):
    with pytest.raises(SettingsError) as caught:
        root_files("db.internal", "xx-nowhere-1", None, settings.sources)
    return str(caught.value)


def unreadable_ca(settings):
    with pytest.raises(SettingsError) as caught:
        context(settings, (__file__,))
    return str(caught.value)


def read_only(settings):
    made = SimpleNamespace(asked={"@@global.read_only": "1", "@@global.innodb_read_only": "0"}, close=lambda: None)
    with pytest.raises(RdspoolError) as caught:
        _writer.check(made, settings, LIMIT)
    return str(caught.value)


def public_address(settings):
    stream = SimpleNamespace(ends=("8.8.8.8", 3306), address="db.internal:3306")
    with pytest.raises(unverified.NotForDevelopmentError) as caught:
        unverified.secure(stream, None, None, "db.internal", login_of(settings).development)
    return str(caught.value)


def login_of(settings):
    start = session_start(settings)
    return login(settings, start, settings.password, context(settings, ()), {}, token=False)


def a_warning(settings):
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    unverified.logger.addHandler(handler)
    try:
        stream = SimpleNamespace(ends=("127.0.0.1", 3306), address="db.internal:3306", socket=None)
        unverified.secure(stream, None, None, "db.internal", login_of(settings).development)
    finally:
        unverified.logger.removeHandler(handler)
    return "".join(lines)


def no_user(settings):
    with pytest.raises(CredentialsError) as caught:
        completed(settings, Stored(Secret("word")))
    return str(caught.value)


def after_a_secret(message):
    """What `message` says of settings that a secret has completed."""
    return lambda settings: message(completed(settings, Stored(Secret("word"), "app", database="shop")))


def other_certificate(*names):
    """What the doctor says of a certificate for these names."""
    return lambda settings: "".join(doctor_tls._fix(certificate(62), settings, {"certificate": {"names": names}}))


def other_roots(settings):
    return "".join(doctor_tls._other_roots(settings))


def refused_password(settings):
    patient = Patient(None)
    patient.settings = settings
    return "".join(doctor_sign_in._password_fix(patient))


MESSAGES = {
    "host": [
        explained(caused(OperationalError("x", errno=2003), socket.gaierror(-2, "Name or service not known"))),
        explained(OperationalError("refused", errno=2003)),
        explained(ProtocolError("no packet", 2027)),
        explained(certificate(62)),
        lambda settings: advice.assign(settings, "host", "other"),
        other_certificate(),
        _writer_endpoint,
    ],
    "endpoint": [explained(certificate(62)), other_certificate("db.test"), _writer_endpoint],
    "port": [explained(OperationalError("refused", errno=2003)), explained(ProtocolError("no packet", 2027))],
    "user": [explained(refused(1045))],
    "password": [
        explained(refused(1045)),
        explained(refused(1045), own_token(901)),
        explained(refused(1045), damaged),
        explained(ClearPasswordError("the server asks for the password")),
        refused_password,
    ],
    "secret": [explained(refused(1045)), after_a_secret(explained(refused(1045)))],
    "password_parameter": [explained(refused(1045))],
    "development": [public_address, a_warning],
    "database": [explained(refused(1044)), explained(refused(1049))],
    "region": [no_roots],
    "ca": [explained(certificate(19)), explained(certificate(85)), unreadable_ca, other_roots],
    "connect_timeout": [lambda settings: str(Creator._limit(SimpleNamespace(settings=settings)))],
    "role": [read_only],
    "connections": [advice.bound_connections],
}
"""Per setting that was given, what says its place in a text."""


@pytest.mark.parametrize(("key", "message"), [(key, message) for key, messages in MESSAGES.items() for message in messages])
def test_a_message_names_the_place_that_was_used(request, place, key, message):
    load, called, _ = place
    values = {"host": GOOD["host"], "user": "app", "region": "eu-central-1"}
    values |= {one: GOOD[one] for one in ("port", "database", "password", "connect_timeout", "role", key)}
    if key in ("secret", "password_parameter"):
        del values["password"]
    if key in dbapi._REFUSED and request.node.callspec.params["place"] in OF_CONNECT:
        with pytest.raises(SettingsError, match=f"the option '{key}' is not taken"):
            load(values)
        return
    text = message(load(values))
    assert called(key) in text
    for another in (f"RDSPOOL_{key.upper()}", f"RDSPOOL_READER_{key.upper()}"):
        assert another == called(key) or another not in text


NOT_GIVEN = {
    "endpoint": [explained(certificate(62)), explained(refused(1045))],
    "development": [explained(certificate(19)), explained(NoTlsError("no TLS", errno=2026)), no_roots],
    "password": [explained(certificate(19)), explained(NoTlsError("no TLS", errno=2026))],
    "ca": [explained(certificate(19)), no_roots, other_roots],
    "connections": [advice.bound_connections],
    "connect_timeout": [lambda settings: str(Creator._limit(SimpleNamespace(settings=settings)))],
}
"""Per setting that nobody gave, what says where it belongs in a text, where IAM signs in."""


@pytest.mark.parametrize(("key", "message"), [(key, message) for key, messages in NOT_GIVEN.items() for message in messages])
def test_a_message_names_the_place_of_a_setting_that_nobody_gave(place, key, message):
    load, _, belongs = place
    text = message(load({"host": GOOD["host"], "user": "app", "region": "eu-central-1"}))
    assert belongs(key) in text


def test_a_secret_without_a_user_names_the_place_of_the_user(place):
    load, _, belongs = place
    assert belongs("user") in no_user(load({"host": GOOD["host"], "region": "eu-central-1", "secret": "shop/app"}))


@pytest.mark.parametrize(
    ("keys", "used", "missing"),
    [
        (("secret", "password"), ("secret", "password"), ()),
        (("secret", "password_parameter"), ("secret", "password_parameter"), ()),
        (("password_parameter", "password"), ("password_parameter", "password"), ()),
        (("development", "region"), ("development",), ("password",)),
        (("development", "password", "ca"), ("development", "ca"), ()),
        (("development", "password", "endpoint"), ("development",), ()),
        (("pool_recycle", "wait_timeout", "password"), ("pool_recycle", "wait_timeout"), ()),
        ((), (), ("region", "password", "development")),
        (("secret",), (), ("region",)),
        (("password_parameter",), (), ("region",)),
    ],
)
def test_settings_that_do_not_fit_together(place, keys, used, missing):
    load, called, belongs = place
    with pytest.raises(SettingsError) as caught:
        load(
            {
                "host": GOOD["host"],
                "user": "app",
                **{key: GOOD[key] for key in keys},
                **({"wait_timeout": "30"} if "wait_timeout" in keys else {}),
            }
        )
    if "the option 'pool_recycle' is not taken" in str(caught.value):
        return
    for key in used:
        assert called(key) in str(caught.value)
    for key in missing:
        assert belongs(key) in str(caught.value)


@pytest.mark.parametrize("place", ["variable of a named engine", "argument", "connect_args", "connect()"], indirect=True)
@pytest.mark.parametrize("given", [True, False])
def test_the_time_in_which_a_secret_has_to_name_the_host(place, monkeypatch, given):
    load, called, belongs = place

    def get(limit):
        raise CredentialsError(f"no answer within {limit}")

    monkeypatch.setattr(stored, "source", lambda _: SimpleNamespace(get=get))
    values = {key: GOOD[key] for key in ("user", "region", "secret")} | ({"connect_timeout": "4"} if given else {})
    with pytest.raises(CredentialsError) as caught:
        load(values)
    assert (called if given else belongs)("connect_timeout") in str(caught.value)


def test_the_doctor_is_named_with_the_engines_name():
    denied = ProgrammingError("Access denied", errno=1045)
    for name, prefix, command in (
        (None, "RDSPOOL_", "python -m rdspool doctor"),
        ("Reader", "RDSPOOL_READER_", "python -m rdspool doctor reader"),
    ):
        given = {"host": "h", "user": "u", "region": "eu-central-1"}
        for settings in (read(name, variables(prefix, given), {}), read(name, {f"{prefix}URL": url_of(given)}, {})):
            assert f"; {command} finds out" in str(explain(denied, settings, None, LIMIT))
        # It reads variables only.
        elsewhere = read(name, {}, given)
        assert f"; {command}, with the same settings as variables, finds out" in str(explain(denied, elsewhere, None, LIMIT))


def test_only_a_variable_is_given_as_a_line_of_a_shell():
    settings = read(None, {"RDSPOOL_URL": "mysql://app@h/db?region=eu-west-1"}, {})
    assert advice.assign(settings, "host", "x") == "Set host in RDSPOOL_URL to x"
    assert advice.assign(settings, "role", "writer") == "RDSPOOL_ROLE=writer"


# -- what a create_engine() without get_engine() says -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql+rdspool://app@db.internal/shop", "?region=... in create_engine()'s URL is not set"),
        ("mysql+rdspool://db.internal/shop", "user in create_engine()'s URL is not set"),
        ("mysql+rdspool://app@/shop", "host in create_engine()'s URL is not set"),
        ("mysql+rdspool://app@db.internal/shop?region=eu-west-1&ssl_ca=no.pem", "ssl_ca in create_engine()'s URL is 'no.pem'"),
        ("mysql+rdspool://app@db.internal/shop?region=xx-nowhere-1", "set region in create_engine()'s URL if it is wrong, or ?ca=... in"),
    ],
)
def test_create_engine_names_parts_of_its_url(monkeypatch, url, words):
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "RDSPOOL_CA"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(SettingsError) as caught:
        create_engine(url).connect()
    assert words in str(caught.value)
    assert "RDSPOOL_" not in str(caught.value)


def test_a_failed_connect_of_create_engine_names_parts_of_its_url():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(exc.OperationalError, match=r"Check host in create_engine\(\)'s URL and port in create_engine\(\)'s URL") as caught:
        create_engine(f"mysql+rdspool://app:x@127.0.0.1:{port}/shop?region=eu-west-1").connect()
    assert "RDSPOOL_" not in str(caught.value)


# -- variables of other tools ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["DB", "DATABASE", "MYSQL", "RDS"])
@pytest.mark.parametrize("name", [None, "reader"])
def test_variables_of_other_tools_lead_to_the_settings_that_they_are(prefix, name):
    ours = "RDSPOOL_" if name is None else "RDSPOOL_READER_"
    environ = {f"{prefix}_HOST": "secret-value", f"{prefix}_USER": "secret-value", "RDSPOOL_PORT": "3306", "RDSPOOL_READER_PORT": "3306"}
    with pytest.raises(SettingsError, match=f"^{ours}HOST is not set") as caught:
        read(name, environ, {})
    told = str(caught.value)
    assert f"give the value of {prefix}_HOST to {ours}HOST, the value of {prefix}_USER to {ours}USER" in told
    assert "PORT" not in told
    assert "secret-value" not in told


@pytest.mark.parametrize("variable", ["DATABASE_URL", "DB_URL", "MYSQL_URL", "SQLALCHEMY_DATABASE_URI"])
def test_a_url_of_other_tools_belongs_to_the_url(variable):
    with pytest.raises(SettingsError, match=f"give the value of {variable} to RDSPOOL_URL. Write mysql") as caught:
        read(None, {variable: "mysql://app:secret-value@h/db"}, {})
    assert "secret-value" not in str(caught.value)


def test_variables_of_other_tools_say_nothing_where_all_is_set():
    assert read(None, {"DB_HOST": "x", "RDSPOOL_HOST": "h", "RDSPOOL_USER": "u", "AWS_REGION": "eu-west-1"}, {}).host == "h"


def test_what_is_set_already_is_not_named_again():
    with pytest.raises(SettingsError, match="^RDSPOOL_USER is not set") as caught:
        read(None, {"DB_HOST": "x", "DB_USER": "y", "RDSPOOL_HOST": "h"}, {})
    assert "DB_HOST" not in str(caught.value)
    assert "the value of DB_USER to RDSPOOL_USER" in str(caught.value)


# -- no message has a variable's name of its own ---------------------------------------------------------------------------------------------

WITH_NAMES = {
    "__main__.py": "the command `size` computes the settings of any function",
    "_driver/compiled.py": "the process's own variable",
    "_settings/defaults.py": "the prefix",
    "_settings/places.py": "an example in the error for an engine's name",
    "dbapi.py": "the variable that counts for every connection",
    "doctor/installation.py": "the process's own variable",
}


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_message_writes_the_name_of_a_variable_itself(file):
    tree = ast.parse(file.read_text())
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    named = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "RDSPOOL_" in node.value and id(node) not in alone
    ]
    assert bool(named) == (str(file.relative_to(PACKAGE)) in WITH_NAMES), named


# -- time-outs -------------------------------------------------------------------------------------------------------------------------------


def subclasses(kind):
    return [kind, *(one for below in kind.__subclasses__() for one in subclasses(below))]


@pytest.mark.parametrize("kind", subclasses(StatementTimeoutError))
def test_no_error_of_a_time_out_advises_what_rdspool_refuses(kind):
    """The connector's own classes put their text, with reconnect(), in the place of the one that is given."""
    error = kind("db.test:3306 did not answer within 2 s", errno=3024)
    for text in (str(error), error.msg, repr(error), *map(str, error.args)):
        assert "reconnect" not in str(text)
    assert "did not answer within 2 s" in str(error)


@pytest.mark.parametrize(("doing", "setting"), [("reading", "read_timeout"), ("sending", "write_timeout")])
def test_a_time_out_names_its_own_setting(pair, doing, setting):
    stream = PacketStream(pair()[0], "db.test", 3306)
    stream._set_timeout(2)
    told = str(stream._failure(TimeoutError("timed out"), "answer", doing))
    assert f"db.test:3306 did not answer within 2 s ({setting}), and the connection is closed" in told
    assert "reconnect" not in told
    stream.close()


def test_too_large_an_answer_names_the_place_of_its_limit(pair):
    stream = PacketStream(pair()[0], "db.test", 3306)
    stream.limit_name, stream.max_allowed_packet = "RDSPOOL_READER_MAX_ALLOWED_PACKET", 3
    stream._buffer = b"\x04\0\0\0abcd"
    with pytest.raises(
        ProtocolError, match=r"RDSPOOL_READER_MAX_ALLOWED_PACKET\): select less, or raise RDSPOOL_READER_MAX_ALLOWED_PACKET"
    ):
        stream._receive_slowly(None)
    stream.close()
