"""A client's connection to the proxy."""

from __future__ import annotations

import select
from typing import Any

from ..commands import HEAD, command_name, statement_of
from ..handshake import Greeting, Login
from ..protocol import OK, Capability, framed
from ..relay import Relay
from ..session import Session
from ..sign_in import SignIn
from ..wire import Wire
from .answer import IN_TRANSACTION, Answer
from .pins import LONGEST, Effect, State, effect
from .pool import PING, Failure, Pool, ServerConnection

_SIGNED_IN = bytes((OK, 0, 0, 2, 0, 0, 0))
"""An OK packet with the status "autocommit"."""
# Commands of the protocol that leave nothing in the session and whose answers are those of text commands.
_FREE = ("PING", "INIT_DB", "QUERY")


class _ClientGone(Exception):
    """The client has disconnected while the server was working for it."""


class ProxySession(Session):
    """A client that shares the server connections of a pool."""

    def __init__(self, *arguments: Any, pool: Pool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._pool = pool
        self._state = State()
        self._held: ServerConnection | None = None
        self._in_transaction = False

    def _serve_accepted(self) -> None:
        gate = _Gate(self)
        sign_in = SignIn(self._client, self.record, self.orders, self._faults, self._options, self._now)
        left = sign_in.run(gate, self._contexts.get())
        try:
            self._multiplex(sign_in.login, gate.greeting(), left)
        except _ClientGone:
            self.record.end("client")
        except ConnectionError as problem:
            self.record.set(error=str(problem))
            self.record.end("server")
        finally:
            if self._held is not None:
                self._pool.discard(self._held)

    def _multiplex(self, login: Login, greeting: Greeting, received: bytes) -> None:
        attributes = bool(login.capabilities & greeting.capabilities & Capability.QUERY_ATTRIBUTES)
        while True:
            while len(received) < 4 or len(received) < 4 + min(_size(received), LONGEST):
                received += self._receive()
            size = _size(received)
            payload = received[4 : 4 + size]
            name = command_name(payload[:HEAD], attributes)
            if name == "QUIT":
                self.record.command(name)
                raise _ClientGone
            done = _effect(name, payload, size, attributes)
            try:
                server = self._held = self._held or self._borrow(login)
            except Failure as failure:
                self.record.command(name)
                received = received[4 + size :]
                self._client.send(framed(failure.payload, 1))
                continue
            if done.pin is not None:
                self.record.set(pinned=done.pin)
                Relay(self._client, server.backend.wire, self.record, self.orders, self._faults, query_attributes=attributes).run(received)
                return
            self.record.command(name)
            server.backend.wire.send(received[: 4 + size])
            answer, end, received = self._answer(server, received[4 + size :])
            # The end of the answer is sent last, so that a client that has it finds the server connection given back.
            try:
                if not answer.failed:
                    self._state.change(done)
                    server.state.change(done)
                else:
                    # An ERR packet has no status, and a procedure that fails can have begun a transaction.
                    answer = server.run(PING)
                self._in_transaction = bool(answer.status & IN_TRANSACTION)
                if not self._in_transaction:
                    self._held = None
                    self._pool.give_back(server)
            finally:
                self._client.send(end)

    def borrow_for(self, login: Login) -> None:
        """Look whether the server takes the client's database, at its sign-in. Raise Failure when it does not."""
        if login.capabilities & Capability.CONNECT_WITH_DB and login.database:
            self._state.database = login.database.decode()
            self._pool.give_back(self._borrow(login))

    def new_greeting(self) -> Greeting:
        """Return the greeting for this client."""
        return self._pool.greeting(self.record.values["id"])

    def _borrow(self, login: Login) -> ServerConnection:
        server = self._pool.borrow(login, self._state, self.orders)
        had = self.record.values["server_connections"]
        if had[-1:] != [server.id]:
            self.record.set(server_connections=[*had, server.id])
        return server

    def _receive(self) -> bytes:
        """Wait for bytes of the client. Raise ConnectionResetError at the end of the server connection that it has."""
        if self._held is None:
            data = self._client.receive()
            if not data:
                raise _ClientGone
            return data
        wire = self._held.backend.wire
        poller = self._poller(wire)
        while True:
            from_server, from_client = self._either(poller, wire)
            if from_server:
                raise ConnectionResetError("the server has ended the connection")
            if from_client:
                return from_client

    def _poller(self, wire: Wire) -> select.poll:
        poller = select.poll()
        for one in (self._client, wire, self.orders):
            poller.register(one, select.POLLIN)
        return poller

    def _either(self, poller: select.poll, wire: Wire) -> tuple[bytes, bytes]:
        """Wait for the server or the client, and return what each has sent. Raise ConnectionResetError or _ClientGone at the end of one."""
        ready = [fd for fd, _ in poller.poll()]
        self.orders.obey()
        from_server = wire.take() if wire.fileno() in ready else None
        if from_server == b"":
            raise ConnectionResetError("the server has closed the connection")
        from_client = self._client.take() if self._client.fileno() in ready else None
        if from_client == b"":
            raise _ClientGone
        return from_server or b"", from_client or b""

    def _answer(self, server: ServerConnection, received: bytes) -> tuple[Answer, bytes, bytes]:
        """Send the server's answer to the client, all but its last bytes.

        Return the answer, these bytes, and what was received from the client, also meanwhile.
        """
        wire, answer = server.backend.wire, Answer(server.deprecate_eof)
        poller = self._poller(wire)
        if self._faults.delay:
            self.orders.sleep(self._faults.delay)
        while True:
            from_server, from_client = self._either(poller, wire)
            received += from_client
            if from_server:
                answer.feed(from_server)
                if answer.done:
                    return answer, from_server, received
                self._client.send(from_server)


class _Gate:
    """What the sign-in takes for the backend."""

    def __init__(self, session: ProxySession) -> None:
        self._session = session
        self._greeting = session.new_greeting()

    def greeting(self) -> Greeting:
        return self._greeting

    def sign_in(self, login: Login, greeting: Greeting, password: str) -> bytes:
        try:
            self._session.borrow_for(login)
        except Failure as failure:
            return failure.payload
        return _SIGNED_IN


def _size(received: bytes) -> int:
    return int.from_bytes(received[:3], "little")


def _effect(name: str, payload: bytes, size: int, attributes: bool) -> Effect:
    kind = name.partition(" ")[0]
    if kind not in _FREE:
        return Effect(f"command {kind}")
    if size > LONGEST:
        return Effect("statement over 16 KB")
    if kind == "INIT_DB":
        return Effect(database=payload[1:].decode(errors="surrogateescape"))
    return effect(statement_of(payload, attributes).decode(errors="surrogateescape")) if kind == "QUERY" else Effect()
