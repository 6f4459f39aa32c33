"""No wrong setting shows a password: not in the error's text, and not in the local variables of any frame."""

from __future__ import annotations

import sys

import pytest
from rdspool import Settings, SettingsError, dbapi, get_engine
from rdspool.dialect import RdspoolDialect
from rdspool.secret import EmptiedFrames, Secret, hide
from sqlalchemy.engine import make_url

from tests.secrecy import found_in, frames_of

PASSWORD = "Tr0ub4dor-Passw0rd"
SECRET_KEY = "wJalrXUtnFEMI-bPxRfiCYEXAMPLEKEY"
SESSION_TOKEN = "FwoGZXIvYXdzEBYaDEXAMPLETOKEN"
SECRETS = [PASSWORD, SECRET_KEY, SESSION_TOKEN]
HOST = "app.cluster-c1abc.eu-central-1.rds.amazonaws.com"

WRONG = {
    "the user before the host": {"host": f"user:{PASSWORD}@{HOST}"},
    "a password in place of the port": {"host": f"{HOST}:{PASSWORD}"},
    "user and password as the host": {"host": f"user:{PASSWORD}"},
    "a URL as the host": {"host": f"mysql://user:{PASSWORD}@{HOST}/db"},
    "a URL without an at sign as the host": {"host": f"mysql://user:{PASSWORD}"},
    "a URL with the password behind as the host": {"host": f"mysql://{HOST}/{PASSWORD}"},
    "a host with blanks": {"host": f" user:{PASSWORD}"},
    "a host with a line feed": {"host": f"user:{PASSWORD}\n"},
    "a password before the scheme": {"url": f"user:{PASSWORD}://x@{HOST}"},
    "a password as the scheme": {"url": f"{PASSWORD}://x@{HOST}"},
    "a URL of something else": {"url": f"postgresql+psycopg://user:{PASSWORD}@{HOST}/db"},
    "a URL without a scheme": {"url": f"user:{PASSWORD}@{HOST}/db"},
    "a URL with an unknown option": {"url": f"mysql://user:{PASSWORD}@{HOST}/db?nonsense=1"},
    "a URL whose password has a question mark": {"url": f"mysql://user:12?{PASSWORD}"},
    "a URL whose password has a slash": {"url": f"mysql://user:12/{PASSWORD}@{HOST}/db"},
    "a URL with the password as its port": {"url": f"mysql://user@{HOST}:{PASSWORD}/db"},
    "a URL with the password among its options": {"url": f"mysql://user@{HOST}/db?password={PASSWORD}"},
    "a URL with a wrong setting": {"url": f"mysql://user:{PASSWORD}@{HOST}/db?pool_recycle=soon"},
    "a URL with a NUL": {"url": f"mysql://user:{PASSWORD}@{HOST}/db%00x"},
    "a URL with the user twice": {"url": f"mysql://user:{PASSWORD}@{HOST}/db?user=other"},
    "a URL that is no text": {"url": f"mysql://user:{PASSWORD}@{HOST}/db".encode()},
    "a URL as the user": {"user": f"mysql://user:{PASSWORD}@{HOST}"},
    "a URL as the database": {"database": f"mysql://user:{PASSWORD}@{HOST}"},
    "a token as the user": {"user": f"{PASSWORD}" * 20},
    "a misspelt name": {"passwrd": PASSWORD},
    "another library's name": {"pwd": PASSWORD},
    "another library's argument": {"connect_args": {"password": PASSWORD}},
    "a password in bytes": {"password": PASSWORD.encode()},
    "a password with a NUL": {"password": f"{PASSWORD}\0more"},
    "a password that is no text": {"password": f"{PASSWORD}\udcff"},
    "a password in a list": {"password": [PASSWORD]},
    "a wrong port": {"password": PASSWORD, "port": "33o6"},
    "a wrong region": {"password": PASSWORD, "region": "Frankfurt"},
    "a region of elsewhere": {"password": PASSWORD, "region": "us-east-1"},
    "no such file": {"password": PASSWORD, "ca": "/no/such.pem"},
    "a recycle that is too long": {"password": PASSWORD, "pool_recycle": 300, "wait_timeout": 300},
    "a wrong flag": {"password": PASSWORD, "multi_statements": "perhaps"},
    "a wrong level": {"password": PASSWORD, "isolation_level": "CHAOS"},
    "a user with a NUL": {"password": PASSWORD, "user": "app\0other"},
    "another driver": {"password": PASSWORD, "driver": "c"},
}


@pytest.fixture(autouse=True)
def aws_variables(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION_TOKEN)


def refused(make, arguments):
    with pytest.raises(SettingsError) as caught:
        make(**arguments)
    assert found_in(caught.value, SECRETS) == []
    assert str(caught.value).isprintable()


def whole(arguments):
    """Return the arguments, with those that have to be there."""
    return arguments if "url" in arguments else {"host": HOST, "user": "app", **arguments}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("make", [get_engine, Settings.load, dbapi.connect], ids=["get_engine", "Settings.load", "connect"])
def test_the_error_for_a_wrong_argument_shows_no_secret(make, arguments):
    if make is dbapi.connect and "url" in arguments:
        arguments = {"dsn": arguments["url"]}  # it takes no URL: as under any unknown name, nothing of it is shown
    refused(make, whole(arguments))


VARIABLES = {
    name: {f"RDSPOOL_{key.upper()}": str(value) for key, value in whole(arguments).items()}
    for name, arguments in WRONG.items()
    if all(isinstance(value, (str, int)) and "\0" not in str(value) for value in arguments.values())
}


@pytest.mark.parametrize("variables", VARIABLES.values(), ids=VARIABLES)
def test_the_error_for_a_wrong_variable_shows_no_secret(variables, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    refused(get_engine, {})
    refused(Settings.load, {})


@pytest.mark.parametrize("name", [f"mysql://user:{PASSWORD}@{HOST}", f"user:{PASSWORD}", f"x/{PASSWORD}"])
def test_the_error_for_a_wrong_name_shows_no_secret(name):
    for make in (get_engine, Settings.load):
        with pytest.raises(SettingsError) as caught:
            make(name)
        assert found_in(caught.value, SECRETS) == []


@pytest.mark.parametrize(
    "query", [f"passwd={PASSWORD}", f"user={PASSWORD}", f"region=a&region={PASSWORD}", f"nonsense={PASSWORD}", f"ssl_key={PASSWORD}"]
)
def test_the_error_for_a_wrong_url_of_the_dialect_shows_no_secret(query):
    """SQLAlchemy's frames hold the URL; the frames from the dialect on do not."""
    url = make_url(f"mysql+rdspool://user:{PASSWORD}@{HOST}/db?{query}")
    with pytest.raises(SettingsError) as caught:
        _, options = RdspoolDialect(dbapi=dbapi).create_connect_args(url)
        assert PASSWORD not in repr(options)
        dbapi.connect(**options, port=0)
    assert found_in(caught.value, SECRETS) == []


def test_a_url_of_sqlalchemys_keeps_its_password():
    settings = Settings.load(environ={}, url=make_url(f"mysql+rdspool://app:{PASSWORD}@{HOST}/db"))
    assert settings.password == Secret(PASSWORD)


# -- what hides them ------------------------------------------------------------------------------------------------------------


def test_arguments_are_hidden_in_place():
    options = {"password": PASSWORD, "port": 3306, "passwrd": PASSWORD, "nothing": None, "listed": [PASSWORD], "kept": Secret("x")}
    hide(options, {"port"})
    assert options == {
        "password": Secret(PASSWORD),
        "port": 3306,
        "passwrd": Secret(PASSWORD),
        "nothing": None,
        "listed": list,
        "kept": Secret("x"),
    }


def inner(plain):
    raise ValueError("inner")


def outer(secret):
    plain = secret.reveal()
    data = bytearray(plain.encode())
    try:
        inner(data)
    except ValueError as error:
        raise RuntimeError("outer") from error


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt, MemoryError])
def test_frames_are_emptied_and_keep_their_places(raised, monkeypatch):
    def fail(plain):
        copy = bytes(plain)
        if copy:
            raise raised

    monkeypatch.setattr(sys.modules[__name__], "inner", fail)
    with pytest.raises((RuntimeError, raised)) as caught, EmptiedFrames():
        outer(Secret(PASSWORD))
    assert {"outer", "fail"} <= frames_of(caught.value)
    for one in (caught.value, caught.value.__cause__):
        step = one and one.__traceback__
        while step is not None:
            if step.tb_frame.f_code.co_name in ("outer", "fail"):
                assert step.tb_frame.f_locals == {}
            step = step.tb_next


def test_the_frames_of_an_exception_that_was_there_before_stay():
    def fail():
        mine = "kept"
        raise LookupError(mine)

    with pytest.raises(RuntimeError) as caught:
        try:
            fail()
        except LookupError:
            with EmptiedFrames():
                outer(Secret(PASSWORD))
    before = caught.value.__cause__.__context__
    assert isinstance(before, LookupError)
    assert before.__traceback__.tb_next.tb_frame.f_locals["mine"] == "kept"


def test_a_block_that_raises_nothing_raises_nothing():
    with EmptiedFrames():
        pass
