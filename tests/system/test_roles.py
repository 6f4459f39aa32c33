"""A writer that becomes a reader: what its errors do to a connection, and what role="writer" looks for."""

from __future__ import annotations

import threading

import pytest
from connections import connection_id
from rdspool import ReadOnlyServerError, get_engine
from sqlalchemy import exc, text

from local.front.faults import Command, Error

READER_SAYS = [
    (1015, "Can't lock file (errno: 165 - Table is read only)"),
    (1290, "The MySQL server is running with the --read-only option so it cannot execute this statement"),
    (1836, "Running in read-only mode"),
    (1874, "InnoDB is in read only mode."),
    (3032, "The server is currently in offline mode"),
]


@pytest.fixture
def read_only(server):
    """A function that switches the server to a reader and back."""

    def switch(on):
        server.execute(f"SET GLOBAL read_only = {int(on)}")

    yield switch
    switch(False)


@pytest.mark.parametrize(("number", "message"), READER_SAYS)
def test_what_a_reader_says_to_a_write_replaces_the_connection(front, target, number, message):
    engine = get_engine(**target)
    first = connection_id(engine)
    front.fault(when=Command("INSERT INTO somewhere"), do=Error(number, message=message))
    with pytest.raises(exc.DBAPIError) as caught, engine.begin() as connection:
        connection.execute(text("INSERT INTO somewhere VALUES (1)"))
    assert caught.value.orig.errno == number
    assert connection_id(engine) != first


def test_another_lock_that_fails_does_not(front, target):
    engine = get_engine(**target)
    first = connection_id(engine)
    front.fault(when=Command("INSERT INTO somewhere"), do=Error(1015, message="Can't lock file (errno: 11 - Resource unavailable)"))
    with pytest.raises(exc.DBAPIError), engine.begin() as connection:
        connection.execute(text("INSERT INTO somewhere VALUES (1)"))
    assert connection_id(engine) == first


def test_the_question_for_the_role_costs_no_round_trip(front, target):
    engine = get_engine(**target, role="writer")
    plain = get_engine("plain", **target)
    counts = []
    for one in (engine, plain):
        with front.count() as first:
            connection_id(one)
        one.dispose()
        with front.count() as second:
            connection_id(one)
        counts.append((first.round_trips, second.round_trips))
    assert counts[0] == counts[1]


def test_a_reader_is_no_writer(read_only, target):
    read_only(True)
    engine = get_engine(**target, role="writer", connect_timeout=3)
    with pytest.raises(exc.OperationalError, match="takes no writes") as caught:
        connection_id(engine)
    assert isinstance(caught.value.orig, ReadOnlyServerError)
    assert "tried" in str(caught.value)


def test_the_end_of_a_failover_is_waited_for(read_only, target):
    read_only(True)
    engine = get_engine(**target, role="writer", connect_timeout=20)
    timer = threading.Timer(0.5, read_only, (False,))
    timer.start()
    try:
        connection_id(engine)
    finally:
        timer.join()


def test_without_a_role_any_server_is_taken(read_only, target):
    read_only(True)
    connection_id(get_engine(**target))
