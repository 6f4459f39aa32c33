"""A failed connect, as a terminal or a log shows it: each frame once, the explained error and SQLAlchemy's, and nothing between."""

from __future__ import annotations

import socket
import traceback
from collections import Counter
from pathlib import Path

import pytest
import rdspool
from mysql.connector.errors import OperationalError
from rdspool import ConnectError, UnreachableError, dbapi, get_engine
from rdspool._driver.attempts import Attempts
from sqlalchemy import create_engine, exc

OURS = str(Path(rdspool.__file__).parent)


@pytest.fixture
def port():
    """Return a port that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return closed.getsockname()[1]


def shown(error):
    """The errors of a traceback in the order in which it shows them."""
    found = [error]
    while (before := found[0].__cause__ or (None if found[0].__suppress_context__ else found[0].__context__)) is not None:
        found.insert(0, before)
    return found


def frames(errors):
    return [(frame.filename, frame.lineno) for error in errors for frame in traceback.extract_tb(error.__traceback__)]


WAYS = {
    # The most frames of rdspool: the creator's, and the pool's or the dialect's and the driver's.
    "get_engine()": (
        3,
        lambda port: get_engine("tracebacks", host="127.0.0.1", port=port, user="u", password="p", region="eu-west-1").connect(),
    ),
    "create_engine()": (4, lambda port: create_engine(f"mysql+rdspool://u:p@127.0.0.1:{port}/x?region=eu-west-1").connect()),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_failed_connect_is_shown_with_each_frame_once(port, way):
    most, connect = WAYS[way]
    with pytest.raises(exc.OperationalError) as caught:
        connect(port)
    errors = shown(caught.value)
    assert [type(error) for error in errors] == [UnreachableError, exc.OperationalError]
    assert caught.value.orig is errors[0]
    seen = frames(errors)
    assert [frame for frame, count in Counter(seen).items() if count > 1 and frame[0].startswith(OURS)] == []
    assert 1 <= len([file for file, _ in seen if file.startswith(OURS)]) <= most
    text = "".join(traceback.format_exception(caught.value))
    assert text.count("direct cause of the following") == 1
    assert text.count("During handling of the above") == 0
    assert text.count(errors[0].msg) == 2  # of the explained error and, within it, of SQLAlchemy's
    assert text.count("[Errno 111] Connection refused") == 2


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_shown_is_there_for_a_debugger(port, way):
    with pytest.raises(exc.OperationalError) as caught:
        WAYS[way][1](port)
    driver = caught.value.orig.driver_error
    assert type(driver) is OperationalError
    assert [frame.name for frame in traceback.extract_tb(driver.__traceback__)][-2:] == ["open", "connect"]
    assert isinstance(driver.__cause__, ConnectionRefusedError)


@pytest.mark.parametrize("way", WAYS)
def test_what_the_function_was_handling_is_shown_before(port, way):
    try:
        {}["a key of the function's"]
    except KeyError:
        with pytest.raises(exc.OperationalError) as caught:
            WAYS[way][1](port)
    assert [type(error) for error in shown(caught.value)] == [KeyError, UnreachableError, exc.OperationalError]
    assert isinstance(caught.value.orig.driver_error.__cause__, ConnectionRefusedError)


def test_an_error_that_is_raised_twice_keeps_what_is_behind_it():
    error = UnreachableError("x", errno=2003)
    error.__cause__ = behind = OperationalError("behind", errno=2003)
    for _ in range(2):
        error.stand_alone()
        assert error.driver_error is behind
        assert (error.__cause__, error.__context__, error.__traceback__) == (None, None, None)


def test_without_sqlalchemy_it_is_one_error(port):
    with pytest.raises(UnreachableError) as caught:
        dbapi.connect(host="127.0.0.1", port=port, user="u", password="p", region="eu-west-1")
    assert shown(caught.value) == [caught.value]
    assert len([file for file, _ in frames([caught.value]) if file.startswith(OURS)]) <= 3


def test_the_error_after_several_attempts_has_the_last_one_behind_it():
    attempts = Attempts(rdspool.deadlines.within(5, "the test's"), restarts=True)
    attempts.made = 1
    attempts._limit.at = 0
    last = UnreachableError("the last attempt", errno=2003)
    with pytest.raises(ConnectError, match="the last attempt. It was tried 2 times") as caught:
        attempts.wait_after(last, proven=False)
    assert caught.value.__cause__ is last


def test_sqlalchemy_looks_for_no_events_at_each_statement():
    """A listener to "handle_error" would be the other way: it sets this flag of the dialect."""
    engine = get_engine("tracebacks", host="127.0.0.1", port=1, user="u", password="p", region="eu-west-1")
    assert not engine.dialect._has_events
    assert not engine._has_events
