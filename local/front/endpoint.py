"""The listening port of the front and its sessions."""

from __future__ import annotations

import os
import socket
import threading
import time
from functools import partial

from .backend import Address
from .faults import Faults
from .names import LOOPBACK
from .orders import Order
from .proxy.pool import Pool
from .proxy.session import ProxySession
from .records import Records
from .session import Session
from .sign_in import SignInOptions
from .tls import ServerContexts

BACKLOG = 512


class Endpoint:
    """Listens on a loopback port and serves each client in a thread."""

    def __init__(
        self, listener: socket.socket, options: SignInOptions, contexts: ServerContexts, address: Address, pool: Pool | None = None
    ) -> None:
        """Serve clients. With a pool of server connections, the endpoint is a proxy."""
        self._name: tuple[str, int] = listener.getsockname()
        self.faults = Faults()
        self.records = Records()
        self.ahead = 0.0
        self._options = options
        self._contexts = contexts
        self._address = address
        self.pool = pool
        self._new_session = Session if pool is None else partial(ProxySession, pool=pool)
        self._lock = threading.Lock()
        self._sessions: dict[int, Session] = {}
        self._listener: socket.socket | None = None
        self._accepting: threading.Thread | None = None
        self._start(listener)

    def now(self) -> float:
        """Return the time for the check of tokens, in seconds since the epoch."""
        return time.time() + self.ahead

    def stop_listening(self) -> None:
        """Refuse new connections. Open ones are kept."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        # Wakes accept(). After close() alone it would wait on a descriptor that another file may get.
        listener.shutdown(socket.SHUT_RDWR)
        if self._accepting is not None:
            self._accepting.join()
        listener.close()

    def listen_again(self) -> None:
        """Listen on the same port again. Raise OSError when another process has bound it."""
        if self._listener is None:
            address, port = self._name
            self._start(listen(port, address))

    def order(self, connection: int, order: Order) -> None:
        """Send an order to a connection. Raise LookupError when it is not open."""
        with self._lock:
            session = self._sessions.get(connection)
        if session is None or not session.orders.post(order):
            raise LookupError(f"connection {connection} is not open")

    def _start(self, listener: socket.socket) -> None:
        self._listener = listener
        self._accepting = threading.Thread(target=self._accept, args=(listener,), name="accept", daemon=True)
        self._accepting.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, (host, port) = listener.accept()
            except OSError:
                if self._listener is listener:
                    time.sleep(0.05)  # For example, no file descriptor is free. The next attempt may succeed.
                    continue
                return
            record = self.records.new(f"{host}:{port}")
            session = self._new_session(
                sock, record, faults=self.faults, options=self._options, contexts=self._contexts, address=self._address, now=self.now
            )
            with self._lock:
                self._sessions[record.values["id"]] = session
            threading.Thread(target=self._serve, args=(session,), name=f"connection {record.values['id']}", daemon=True).start()

    def _serve(self, session: Session) -> None:
        try:
            session.run()
        finally:
            with self._lock:
                self._sessions.pop(session.record.values["id"], None)
            self.records.close(session.record)


def listen(port: int, address: str = LOOPBACK) -> socket.socket:
    """Return a socket that listens on a port of a loopback address (0: a free port). Raise OSError when it can't."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError as problem:
        listener.close()
        raise OSError(problem.errno, f"port {port} of {address}: {os.strerror(problem.errno or 0)}") from problem
    return listener
