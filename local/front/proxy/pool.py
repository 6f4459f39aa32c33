"""The server connections of a proxy, which its clients borrow, and what happens to them while the server changes.

Source of the latter: AWS's user guide, "RDS Proxy concepts and terminology", Failover: clients in a transaction or a statement are
disconnected, all others stay connected, and what they ask for waits until there is a server again.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..backend import Address, Backend
from ..handshake import Greeting, Login
from ..orders import Orders
from ..protocol import ERR, OK, Capability, ProtocolError, error, framed
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

    address: Address
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
        """Ask the server for its greeting. Raise OSError when it can't be reached."""
        self._address: Address | None = address
        self._passwords = passwords
        self._options = options
        self._changed = threading.Condition()
        self._idle: list[ServerConnection] = []
        self._lent: set[ServerConnection] = set()
        self._open = 0
        self._most = 0
        self._waiting = 0
        orders = Orders()
        backend = Backend(address, orders)
        self._greeting = backend.greeting()
        backend.wire.close()
        orders.close()

    def snapshot(self) -> dict[str, int]:
        """Return the number of connections: open ones, idle ones, the most that have been open at once; and of clients that wait for one."""
        with self._changed:
            return {"open": self._open, "idle": len(self._idle), "most": self._most, "waiting": self._waiting}

    def lead_to(self, address: Address | None) -> None:
        """Connect to this server from now on (None: to none, so that clients wait), and close the connections to the former one."""
        with self._changed:
            self._address = address
            for one in self._idle:
                self._close(one)
            self._idle.clear()
            for one in self._lent:
                one.backend.wire.shut()
            self._changed.notify_all()

    def greeting(self, number: int) -> Greeting:
        """Return the greeting for a client: the server's, with a connection id of the proxy's own."""
        theirs = self._greeting
        nonce = bytes(secrets.choice(range(1, 128)) for _ in range(20))
        return replace(
            theirs, thread_id=number, nonce=nonce, capabilities=theirs.capabilities & ~_NOT_OFFERED, extended=bytes(len(theirs.extended))
        )

    def borrow(self, login: Login, state: State, orders: Orders) -> ServerConnection:
        """Return a connection with this state. Wait for one, and for a server that can't be reached. Raise Failure."""
        login = replace(login, database=b"", raw_attributes=b"", capabilities=login.capabilities & ~_NOT_SHARED)
        key = (login.user, login.capabilities, login.charset)
        end = time.monotonic() + self._options.borrow_timeout
        with self._changed:
            self._waiting += 1
        try:
            while True:
                found = self._take(key, state, orders, end)
                try:
                    if found is None:
                        found = self._connect(login, key, orders)
                    found.backend.wire.orders = orders
                    found.adopt(state)
                    return found
                except BaseException as problem:
                    self.discard(found)
                    if not isinstance(problem, OSError) or isinstance(problem, ProtocolError):
                        raise
                _check_time(end)
                orders.sleep(_POLL)
        finally:
            with self._changed:
                self._waiting -= 1

    def give_back(self, connection: ServerConnection) -> None:
        """Return a connection whose transaction has ended."""
        with self._changed:
            self._lent.remove(connection)
            if connection.address is self._address:
                self._idle.append(connection)
            else:
                self._close(connection)
            self._changed.notify_all()

    def discard(self, connection: ServerConnection | None) -> None:
        """Close a connection, or (None) give up the place of one that was not opened."""
        with self._changed:
            if connection is None:
                self._open -= 1
            else:
                self._lent.remove(connection)
                self._close(connection)
            self._changed.notify_all()

    def _close(self, connection: ServerConnection) -> None:
        connection.backend.wire.close()
        self._open -= 1

    def _take(self, key: _Key, state: State, orders: Orders, end: float) -> ServerConnection | None:
        """Wait for an idle connection, or for the place of a new one (None)."""
        with self._changed:
            while True:
                usable = [one for one in self._idle if one.key == key and (state.database is not None or one.state.database is None)]
                usable.sort(key=lambda one: one.state != state)
                for one in usable:
                    self._idle.remove(one)
                    if one.backend.wire.take() is None:
                        self._lent.add(one)
                        return one
                    self._close(one)  # The server has closed it, or has said why it does.
                if self._open == self._options.connections and self._idle:
                    self._close(self._idle.pop(0))  # It has another user or other capabilities.
                if self._address is not None and self._open < self._options.connections:
                    self._open += 1
                    self._most = max(self._most, self._open)
                    return None
                _check_time(end)
                self._changed.wait(_POLL)
                orders.obey()

    def _connect(self, login: Login, key: _Key, orders: Orders) -> ServerConnection:
        address = self._address
        if address is None:
            raise _lost()
        backend = Backend(address, orders)
        try:
            if backend.first[0] == ERR:
                raise Failure(backend.first)
            greeting = backend.greeting()
            outcome = backend.sign_in(login, greeting, self._passwords[login.user])
            if outcome[0] != OK:
                raise Failure(outcome)
            deprecate_eof = bool(login.capabilities & greeting.capabilities & Capability.DEPRECATE_EOF)
            made = ServerConnection(address, backend, greeting.thread_id, key, State(), deprecate_eof)
            with self._changed:
                if address is not self._address:
                    raise _lost()
                self._lent.add(made)
        except BaseException:
            backend.wire.close()
            raise
        return made


def _check_time(end: float) -> None:
    if time.monotonic() > end:
        raise Failure(error(9501, "HY000", "Timed-out waiting to acquire database connection"))


def _lost() -> ConnectionError:
    return ConnectionAbortedError("the server that the proxy leads to has changed")
