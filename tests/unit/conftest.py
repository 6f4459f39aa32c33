"""Fixtures for the driver's tests without a server: the real driver on one end of a socket pair, a scripted server on the other."""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack

import pytest
from fake_server import AUTOCOMMIT, FakeServer, ok
from hypothesis import settings
from rdspool._driver.command_phase import CommandPhase
from rdspool._driver.connection import Connection
from rdspool._driver.packets import PacketStream
from rdspool._driver.session_start import SessionStart

from local import certificates as authorities

# Hypothesis would else fail an example that takes 200 ms, which says nothing on a busy machine.
settings.register_profile("rdspool", deadline=None)
settings.load_profile("rdspool")


@pytest.fixture
def pair():
    """A function that returns the two ends of a new connection; both are closed after the test."""
    with ExitStack() as opened:

        def make():
            return tuple(opened.enter_context(end) for end in socket.socketpair())

        yield make


@pytest.fixture
def stream_and_peer(pair):
    """A stream of packets, and the plain socket at its other end."""
    ours, theirs = pair()
    stream = PacketStream(ours, "db.test", 3306)
    yield stream, theirs
    stream.close()


@pytest.fixture
def commands_and_server(pair):
    """A command phase after the sign-in, and the server that answers it."""
    ours, theirs = pair()
    commands = CommandPhase(PacketStream(ours, "db.test", 3306), AUTOCOMMIT)
    server = FakeServer(theirs)
    yield commands, server
    commands.abandon()
    server.close()


@pytest.fixture
def connect(pair):
    """A function that returns a connection whose session is set up, and the server that answers it. It takes SessionStart's settings."""
    made = []

    def new(version="9.7.0", **settings):
        ours, theirs = pair()
        settings.setdefault("autocommit", True)
        accepted = [ok(status=AUTOCOMMIT if settings["autocommit"] else 0)]
        server = FakeServer(theirs, [accepted] * (2 if settings.get("init_command") else 1))
        connection = Connection(
            CommandPhase(PacketStream(ours, "db.test", 3306), AUTOCOMMIT), "app", version, 4711, SessionStart(**settings)
        )
        connection.session.set_up()
        server.commands.clear()
        made.append((connection, server))
        return connection, server

    yield new
    for connection, server in made:
        connection._commands.abandon()
        server.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """The authority that signs the certificates of the tests' own servers."""
    return authorities.authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def server_tls(certificates):
    """The TLS context of a server whose names are db.test and localhost's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.issue(["db.test", "localhost", "127.0.0.1", "::1"]))
    return context


@pytest.fixture
def client_tls(certificates):
    """The TLS context of a client that trusts the authority."""
    return ssl.create_default_context(cafile=str(certificates.ca))
