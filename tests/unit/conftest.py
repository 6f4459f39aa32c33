"""Fixtures for the driver's tests without a server: the real driver on one end of a socket pair, a scripted server on the other."""

from __future__ import annotations

import gc
import socket
import ssl
import sys
from contextlib import ExitStack

import pytest
from fake_database import Database
from fake_server import AUTOCOMMIT, FakeServer, ok
from fake_sign_in import ACCEPTED, TEXT, SignInServer
from hypothesis import settings
from rdspool import engine
from rdspool._driver.command_phase import CommandPhase
from rdspool._driver.connection import Connection
from rdspool._driver.packets import PacketStream
from rdspool._driver.session_start import SessionStart
from rdspool._driver.sign_in import Login, receive_greeting, sign_in
from rdspool.secret import Secret

from local import certificates as authorities

# Hypothesis would else fail an example that takes 200 ms, which says nothing on a busy machine.
settings.register_profile("rdspool", deadline=None)
settings.load_profile("rdspool")


@pytest.fixture
def pair():
    """Return a function that returns the two ends of a new connection; both are closed after the test."""
    with ExitStack() as opened:

        def make():
            return tuple(opened.enter_context(end) for end in socket.socketpair())

        yield make


@pytest.fixture
def stream_and_peer(pair):
    """Return a stream of packets, and the plain socket at its other end."""
    ours, theirs = pair()
    stream = PacketStream(ours, "db.test", 3306)
    yield stream, theirs
    stream.close()


@pytest.fixture(params=["ok", "eof"], ids=lambda packet: f"rows-end-with-{packet}")
def ok_ends_rows(request):
    """Whether servers end rows with OK packets, as new ones do, or with EOF packets."""
    return request.param == "ok"


def phase(connected, ok_ends_rows):
    """Return the command phase after the sign-in."""
    stream = PacketStream(connected, "db.test", 3306)
    stream.ok_ends_rows = ok_ends_rows
    return CommandPhase(stream, AUTOCOMMIT)


@pytest.fixture
def objects_kept():
    """Return a function that returns how many objects more there are after some runs of a function, which has run once before."""

    def kept(run, times):
        run()
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(times):
            run()
        gc.collect()
        return sys.getallocatedblocks() - before

    return kept


@pytest.fixture
def commands_and_server(pair, ok_ends_rows):
    """Return a command phase after the sign-in, and the server that answers it."""
    ours, theirs = pair()
    commands = phase(ours, ok_ends_rows)
    server = FakeServer(theirs, ok_ends_rows=ok_ends_rows)
    yield commands, server
    commands.abandon()
    server.close()


@pytest.fixture
def connect(pair, ok_ends_rows):
    """Return a function that returns a connection whose session is set up, and the server that answers it. It takes SessionStart's settings."""
    made = []

    def new(version="9.7.0", **settings):
        ours, theirs = pair()
        settings.setdefault("autocommit", True)
        accepted = [ok(status=AUTOCOMMIT if settings["autocommit"] else 0)]
        server = FakeServer(theirs, [accepted] * (2 if settings.get("init_command") else 1), ok_ends_rows=ok_ends_rows)
        connection = Connection(phase(ours, ok_ends_rows), "app", version, 4711, SessionStart(**settings))
        connection.session.set_up()
        server.commands.clear()
        made.append((connection, server))
        return connection, server

    yield new
    for connection, server in made:
        connection._commands.abandon()
        server.close()


@pytest.fixture
def signing_in(pair, server_tls, client_tls):
    """Return a function that signs in to a server with this script, and returns its OK packet and the server. `made` has all, failed ones too."""
    made = []

    def run(script=ACCEPTED, *, greets=None, context=server_tls, host="db.test", **login):
        ours, theirs = pair()
        server = SignInServer(theirs, context, script, greets=greets)
        stream = PacketStream(ours, host, 3306)
        made.append((stream, server))
        given = {"user": "app", "secret": Secret(TEXT), "database": "shop", "attributes": {"program_name": "f"}, "tls": client_tls, **login}
        accepted = sign_in(stream, receive_greeting(stream), Login(**given))
        server.wait()
        return accepted, server

    run.made = made
    yield run
    for stream, server in made:
        stream.close()
        server.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Return the authority that signs the certificates of the tests' own servers."""
    return authorities.authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def server_tls(certificates):
    """Return the TLS context of a server whose names are db.test and localhost's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.issue(["db.test", "localhost", "127.0.0.1", "::1"]))
    return context


@pytest.fixture
def client_tls(certificates):
    """Return the TLS context of a client that trusts the authority."""
    return ssl.create_default_context(cafile=str(certificates.ca))


@pytest.fixture
def database(server_tls):
    """A scripted database; the engines that a test has made are disposed of after it."""
    made = Database(server_tls)
    yield made
    for one in engine._engines.values():
        one[2].dispose()
    made.close()
