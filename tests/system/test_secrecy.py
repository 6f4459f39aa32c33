"""Whatever fails on the way to the server, no secret is shown: not in an error, a note, a log line or a repr, and not in any frame's variables."""

from __future__ import annotations

import logging
import signal
import socket
import ssl
import threading
from pathlib import Path

import pytest
from botocore.credentials import ReadOnlyCredentials
from rdspool import creator, errors, get_engine
from rdspool._aws import credentials as credentials_module
from rdspool._aws import token as token_module
from rdspool._driver import sign_in
from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL

from local.certificates import authority
from local.front.faults import Accept, Close, Command, Error, SignIn, Silence
from tests.secrecy import found_in, frames_of, texts

WRONG_PASSWORD = "Tr0ub4dor-Passw0rd"


class Outside(BaseException):
    """What a signal's handler raises: no error of the driver's, and not even an Exception."""


@pytest.fixture
def secrets(credentials, password_target):
    """Return what must not be shown: the password, parts of every token, the role's secret key and session token."""
    return [
        WRONG_PASSWORD,
        password_target["password"],
        "X-Amz-Signature=",
        "X-Amz-Security-Token",
        credentials.secret_key,
        credentials.session_token,
    ]


@pytest.fixture(autouse=True)
def log(monkeypatch, secrets):
    """Return all that the process logs, from level 1 on."""
    records = []

    class Handler(logging.Handler):
        def emit(self, record):
            records.append(record)

    root, handler = logging.getLogger(), Handler(level=1)
    monkeypatch.setattr(root, "level", 1)
    logging.getLogger("rdspool").manager._clear_cache()
    root.addHandler(handler)
    yield records
    root.removeHandler(handler)
    logging.getLogger("rdspool").manager._clear_cache()
    for record in records:
        shown = [record.getMessage(), *texts(record.args or ())]
        assert [secret for secret in secrets for one in shown if secret in one] == []


@pytest.fixture(params=["token", "password", "password in a URL"])
def engine_of(request, target, password_target):
    """Return a function that makes an engine that signs in with a token, or with a password, or that is SQLAlchemy's own with a URL."""

    def make(**changes):
        if request.param == "token":
            return get_engine(**{**target, **changes}, echo="debug", echo_pool="debug")
        if request.param == "password":
            return get_engine(**{**password_target, **changes}, echo="debug", echo_pool="debug")
        given = {**password_target, **changes}
        names = [given.pop(name) for name in ("user", "password", "host", "port", "database")]
        query = {name: str(value) for name, value in given.items() if name in ("ca", "connect_timeout", "region")}
        return create_engine(URL.create("mysql+rdspool", *names, query), echo="debug", echo_pool="debug")

    return make


def shown_by_failure(engine, secrets, kind=Exception):
    with pytest.raises(kind) as caught, engine.connect() as connection:
        connection.execute(text("SELECT 42"))
    assert found_in(caught.value, secrets) == []
    return caught.value


def test_no_object_of_a_connection_shows_a_secret(engine_of, secrets, log):
    engine = engine_of()
    with engine.connect() as connection:
        dbapi_connection = connection.connection.dbapi_connection
        things = [
            engine,
            engine.pool,
            repr(engine.url),
            dbapi_connection,
            vars(dbapi_connection),
            connection,
            connection.connection,
            dbapi_connection._commands,
            dbapi_connection._commands.stream,
        ]
        creator = engine.pool._creator
        if hasattr(creator, "settings"):  # with SQLAlchemy's own engine it is a function of SQLAlchemy's
            things += [creator, vars(creator), creator.settings]
        for thing in things:
            assert [secret for secret in secrets for shown in texts(thing) if secret in shown] == []
        assert connection.execute(text("SELECT 42")).scalar_one() == 42
    engine.dispose()
    assert any("SELECT 42" in record.getMessage() for record in log)
    assert any("Pool" in record.name for record in log)


def test_a_token_holds_what_is_looked_for(target, secrets, credentials):
    token, _ = creator.token_source(get_engine(**target).pool._creator.settings).get()
    assert {"X-Amz-Signature=", "X-Amz-Security-Token", credentials.session_token} == {
        secret for secret in secrets if secret in token.reveal()
    }


# -- the way to the server ------------------------------------------------------------------------------------------------------


def test_a_name_without_an_address_shows_no_secret(engine_of, secrets):
    shown_by_failure(engine_of(host="nosuch.invalid"), secrets)


def test_a_refused_connection_shows_no_secret(front, engine_of, secrets):
    front.stop_listening()
    try:
        shown_by_failure(engine_of(), secrets)
    finally:
        front.listen_again()


def test_an_unknown_authority_shows_no_secret(engine_of, secrets, tmp_path):
    shown_by_failure(engine_of(ca=str(authority(tmp_path / "other").ca)), secrets)


def test_a_ca_file_without_a_certificate_shows_no_secret(engine_of, secrets, tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("none")
    shown_by_failure(engine_of(ca=str(file)), secrets)


@pytest.mark.parametrize(
    ("when", "do"),
    [
        (Accept(), Silence()),
        (Accept(), Close()),
        (Accept(), Error(1040)),
        (Accept(), Error(1045)),
        (SignIn(), Silence()),
        (SignIn(), Close(reset=True)),
        (SignIn(), Error(1045)),
        (SignIn(), Error(1203)),
        (SignIn(), Error(1044)),
        (SignIn(), Error(1049)),
        (Command("SET "), Close()),
        (Command("SELECT 42"), Close(reset=True)),
        (Command("SELECT 42"), Error(1064)),
    ],
    ids=repr,
)
def test_a_failure_of_the_server_shows_no_secret(front, engine_of, secrets, when, do):
    front.fault(when=when, do=do, times=None)
    shown_by_failure(engine_of(connect_timeout=0.5), secrets)


def test_a_wrong_password_shows_no_secret(password_target, secrets):
    error = shown_by_failure(get_engine(**{**password_target, "password": WRONG_PASSWORD}), secrets)
    assert isinstance(error.orig, errors.SignInError)


def test_a_wrong_secret_key_shows_no_secret(target, secrets, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI-bPxRfiCYEXAMPLEKEY")
    error = shown_by_failure(get_engine(**target), [*secrets, "wJalrXUtnFEMI-bPxRfiCYEXAMPLEKEY"])
    assert isinstance(error.orig, errors.SignInError)


# -- credentials ----------------------------------------------------------------------------------------------------------------


def test_credentials_that_ended_show_no_secret(target, secrets, monkeypatch, credentials):
    """botocore's own objects show all that they hold."""

    class Found:
        method = "assume-role"
        _expiry_time = None

        def get_frozen_credentials(self):
            return ReadOnlyCredentials(credentials.access_key, credentials.secret_key, credentials.session_token)

    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(credentials_module, "_botocore_credentials", Found)
    monkeypatch.setattr(credentials_module, "UNKNOWN_LIFETIME", 0.0)
    with pytest.raises(errors.CredentialsError, match="ended") as caught, get_engine(**target).connect():
        pass
    assert found_in(caught.value, secrets) == []
    assert "_from_botocore" in frames_of(caught.value)


def test_credentials_that_can_not_be_had_show_no_secret(target, secrets, monkeypatch, credentials):
    class Found:
        method = "assume-role"

        def get_frozen_credentials(self):
            raise RuntimeError("no role\r\n\x1b[2J")

    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setattr(credentials_module, "_botocore_credentials", Found)
    with pytest.raises(errors.CredentialsError, match="no role") as caught, get_engine(**target).connect():
        pass
    assert found_in(caught.value, secrets) == []
    assert str(caught.value).isprintable()


# -- exceptions from outside ----------------------------------------------------------------------------------------------------


@pytest.fixture
def interrupted(monkeypatch):
    """Return a function that lets a signal arrive at the n-th call of a method (or of several, counted together), whose handler raises `Outside`."""

    def handler(*_):
        raise Outside

    before = signal.signal(signal.SIGUSR1, handler)

    def at(owner, names, call=1, after=False):
        calls = []
        for name in names.split(" or "):
            hook(owner, name, calls, call, after)

    def hook(owner, name, calls, call, after):
        real = getattr(owner, name)

        def method(*arguments, **options):
            calls.append(1)
            if len(calls) == call and not after:
                signal.raise_signal(signal.SIGUSR1)
            result = real(*arguments, **options)
            if len(calls) == call:
                signal.raise_signal(signal.SIGUSR1)
            return result

        monkeypatch.setattr(owner, name, method)

    yield at
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize(
    ("owner", "name", "call", "frame"),
    [
        (socket.socket, "connect", 1, "connect"),
        (ssl.SSLSocket, "do_handshake", 1, "start_tls"),
        (ssl.SSLSocket, "send", 1, "_write"),
        (ssl.SSLSocket, "read", 1, "_read"),
        (ssl.SSLSocket, "send or write", 2, "open"),
        (ssl.SSLSocket, "read", 2, "open"),
        (sign_in, "ended_by_nul", 1, "_send_login"),
        (sign_in, "encoded_length", 1, "_send_login"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_exception_from_outside_shows_no_secret(engine_of, secrets, interrupted, owner, name, call, frame, after):
    engine = engine_of()
    interrupted(owner, name, call, after)
    error = shown_by_failure(engine, secrets, Outside)
    assert frame in frames_of(error)


@pytest.mark.parametrize("name", ["quoted", "time"])
@pytest.mark.parametrize("call", [1, 2, 3])
def test_an_exception_from_outside_while_a_token_is_signed_shows_no_secret(target, secrets, interrupted, monkeypatch, name, call):
    engine = get_engine(**target)
    if name == "quoted":
        interrupted(token_module, "quoted", call)
    else:
        interrupted(token_module.hmac, "digest", call, after=True)
    error = shown_by_failure(engine, secrets, Outside)
    assert "sign" in frames_of(error)


@pytest.mark.parametrize("raised", [MemoryError, KeyboardInterrupt, RuntimeError, OSError])
def test_any_exception_in_the_send_shows_no_secret(engine_of, secrets, monkeypatch, raised):
    def send(self, data, flags=0):
        raise raised("in the send")

    engine = engine_of()
    monkeypatch.setattr(ssl.SSLSocket, "send", send)
    with pytest.raises(BaseException, match="in the send") as caught, engine.connect():
        pass
    assert found_in(caught.value, secrets) == []
    assert {"_send_login", "send", "_write"} <= frames_of(caught.value)


def test_a_login_that_is_sent_in_parts_shows_no_secret(engine_of, secrets, monkeypatch):
    """A second call sends the rest of it."""
    real = ssl.SSLSocket.send
    calls = []

    def send(self, data, flags=0):
        calls.append(1)
        if len(calls) > 1:
            raise ConnectionResetError("in the midst")
        return real(self, data[:10], flags)

    engine = engine_of()
    monkeypatch.setattr(ssl.SSLSocket, "send", send)
    error = shown_by_failure(engine, secrets)
    assert len(calls) == 2
    assert "_write" in frames_of(error)


# -- during init ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "do"), [(Accept(), Close()), (Accept(), Error(1045)), (SignIn(), Error(1045)), (SignIn(), Close())], ids=repr
)
def test_a_failure_during_init_shows_no_secret(front, target, secrets, log, when, do):
    front.fault(when=when, do=do, times=None)
    engine = get_engine(**target, connect="init")
    begun = engine.pool._creator._init_connection
    begun._thread.join()
    assert found_in(begun.failure, secrets) == []
    error = shown_by_failure(engine, secrets)
    assert any("during init" in note for note in error.orig.__notes__)
    assert any("during init failed" in record.getMessage() for record in log)


def test_an_exception_in_the_send_during_init_shows_no_secret(password_target, secrets, monkeypatch):
    """A thread that fails prints nothing, and its exception shows nothing."""
    real = ssl.SSLSocket.send
    hooked = []
    monkeypatch.setattr(threading, "excepthook", hooked.append)

    def send(self, data, flags=0):
        if threading.current_thread().name == "rdspool-connect":
            raise MemoryError("in the send")
        return real(self, data, flags)

    monkeypatch.setattr(ssl.SSLSocket, "send", send)
    engine = get_engine(**password_target, connect="init")
    begun = engine.pool._creator._init_connection
    begun._thread.join()
    assert isinstance(begun.failure, MemoryError)
    assert found_in(begun.failure, secrets) == []
    with engine.connect():
        pass
    assert hooked == []


def test_the_walk_finds_a_secret_that_a_frame_holds(secrets):
    """The walk sees a secret in a text, in bytes, and in a container."""
    name = str(Path(ssl.__file__).with_name("made_up.py"))
    scope = {}
    source = "def fail(secret):\n    data = [{'x': bytearray(secret.encode())}]\n    del secret\n    raise ValueError('none')\n"
    exec(compile(source, name, "exec"), scope)  # noqa: S102 - a frame that is not the tests'
    with pytest.raises(ValueError, match="none") as caught:
        scope["fail"](secrets[0])
    assert found_in(caught.value, secrets) != []
