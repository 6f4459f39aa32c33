"""The server connections of a proxy, which its clients borrow."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..backend import Address, Backend
from ..handshake import Greeting, Login
from ..orders import Orders
from ..protocol import ERR, OK, Capability, error, framed
from .answer import Answer
from .options import Proxy
from .pins import State

_LOCAL_FILES = 1 << 7
_OPTIONAL_METADATA = 1 << 25
# The client must not ask for what changes the form of answers in a way that `Answer` does not read.
_NOT_OFFERED = _LOCAL_FILES | _OPTIONAL_METADATA
# Server connections are shared, so they have neither the database nor the attributes of one client.
_NOT_SHARED = Capability.CONNECT_WITH_DB | Capability.CONNECT_ATTRS
_RESET_CONNECTION = b"\x1f"
_INIT_DB = b"\x02"
_QUERY = b"\x03"
PING = b"\x0e"
_POLL = 0.05  # seconds between looks at the orders while a client waits
_Key = tuple[str, int, int]


class Failure(Exception):
    """A client gets no server connection. `payload` is the ERR packet that it gets instead."""

    def __init__(self, payload: bytes) -> None:
        super().__init__(payload)
        self.payload = payload


@dataclass(eq=False)
class ServerConnection:
    """A connection to the server, with the state of the client that had it last."""

    backend: Backend
    id: int
    key: _Key
    state: State
    deprecate_eof: bool

    def run(self, payload: bytes) -> Answer:
        """Run a command of the proxy, and return the answer. Raise Failure when the server refuses it."""
        answer, received = Answer(self.deprecate_eof), b""
        self.backend.wire.send(framed(payload, 0))
        while not answer.done:
            data = self.backend.wire.receive()
            if not data:
                raise ConnectionResetError("the server has closed a connection of the proxy")
            received += data
            answer.feed(data)
        if answer.failed:
            raise Failure(received[4:])
        return answer

    def adopt(self, wanted: State) -> None:
        """Give the session the state of another client. Raise Failure when the server refuses it."""
        if not self.state.variables.keys() <= wanted.variables.keys():
            self.run(_RESET_CONNECTION)
            self.state.variables = {}
        if self.state.variables != wanted.variables:
            self.run(_QUERY + f"SET {', '.join(wanted.variables.values())}".encode())
            self.state.variables = dict(wanted.variables)
        if wanted.database is not None and self.state.database != wanted.database:
            self.run(_INIT_DB + wanted.database.encode())
            self.state.database = wanted.database


class Pool:
    """At most `options.connections` connections to the server. Thread-safe."""

    def __init__(self, address: Address, passwords: Mapping[str, str], options: Proxy) -> None:
        self._address = address
        self._passwords = passwords
        self._options = options
        self._changed = threading.Condition()
        self._idle: list[ServerConnection] = []
        self._open = 0
        self._most = 0
        self._greeting: Greeting | None = None

    def snapshot(self) -> dict[str, int]:
        """Return the number of connections: open ones, idle ones, and the most that have been open at once."""
        with self._changed:
            return {"open": self._open, "idle": len(self._idle), "most": self._most}

    def greeting(self, number: int, orders: Orders) -> Greeting:
        """Return the greeting for a client: the server's, with a connection id of the proxy's own. Raise OSError without a server."""
        if self._greeting is None:
            backend = Backend(self._address, orders)
            self._greeting = backend.greeting()
            backend.wire.close()
        theirs = self._greeting
        nonce = bytes(secrets.choice(range(1, 128)) for _ in range(20))
        return replace(
            theirs, thread_id=number, nonce=nonce, capabilities=theirs.capabilities & ~_NOT_OFFERED, extended=bytes(len(theirs.extended))
        )

    def borrow(self, login: Login, state: State, orders: Orders) -> ServerConnection:
        """Return a connection with this state. Raise Failure, or OSError when the server can't be reached."""
        login = replace(login, database=b"", raw_attributes=b"", capabilities=login.capabilities & ~_NOT_SHARED)
        key = (login.user, login.capabilities, login.charset)
        found = self._take(key, state, orders)
        try:
            if found is None:
                found = self._connect(login, key, orders)
            found.backend.wire.orders = orders
            found.adopt(state)
        except BaseException:
            self.discard(found)
            raise
        return found

    def give_back(self, connection: ServerConnection) -> None:
        """Return a connection whose transaction has ended."""
        with self._changed:
            self._idle.append(connection)
            self._changed.notify_all()

    def discard(self, connection: ServerConnection | None) -> None:
        """Close a connection, or (None) give up the place of one that was not opened."""
        if connection is not None:
            connection.backend.wire.close()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def _take(self, key: _Key, state: State, orders: Orders) -> ServerConnection | None:
        """Wait for an idle connection, or for the place of a new one (None)."""
        end = time.monotonic() + self._options.borrow_timeout
        with self._changed:
            while True:
                usable = [one for one in self._idle if one.key == key and (state.database is not None or one.state.database is None)]
                usable.sort(key=lambda one: one.state != state)
                for one in usable:
                    self._idle.remove(one)
                    if one.backend.wire.take() is None:
                        return one
                    one.backend.wire.close()  # The server has closed it, or has said why it does.
                    self._open -= 1
                if self._open == self._options.connections and self._idle:
                    self._idle.pop(0).backend.wire.close()  # It has another user or other capabilities.
                    self._open -= 1
                if self._open < self._options.connections:
                    self._open += 1
                    self._most = max(self._most, self._open)
                    return None
                if time.monotonic() > end:
                    raise Failure(error(9501, "HY000", "Timed-out waiting to acquire database connection"))
                self._changed.wait(_POLL)
                orders.obey()

    def _connect(self, login: Login, key: _Key, orders: Orders) -> ServerConnection:
        backend = Backend(self._address, orders)
        try:
            if backend.first[0] == ERR:
                raise Failure(backend.first)
            greeting = backend.greeting()
            outcome = backend.sign_in(login, greeting, self._passwords[login.user])
            if outcome[0] != OK:
                raise Failure(outcome)
        except BaseException:
            backend.wire.close()
            raise
        deprecate_eof = bool(login.capabilities & greeting.capabilities & Capability.DEPRECATE_EOF)
        return ServerConnection(backend, greeting.thread_id, key, State(), deprecate_eof)
