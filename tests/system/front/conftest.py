"""The front as its own tests meet it: before the real servers, with the users, credentials and counts of these tests alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from front_clients import CREDENTIALS, USERS, prepare

from local.front import Front, start
from local.server import Server


@pytest.fixture(scope="session")
def session_front(server: Server) -> Iterator[Front]:
    """Return a front before the server, with its defaults, kept to the end of the session."""
    with start(prepare(server), users=USERS, credentials=CREDENTIALS) as running:
        yield running


@pytest.fixture
def front(session_front: Front) -> Iterator[Front]:
    """Return the front without records, faults, delays and another time."""
    session_front.reset()
    yield session_front
    session_front.listen_again()
    session_front.clear_faults()
    session_front.clock(0)
