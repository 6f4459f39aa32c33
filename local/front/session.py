"""A client's connection from accept to close, in its own thread."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Callable

from .backend import Address, Backend
from .faults import Delay, Faults
from .orders import Hangup, Notice, Order, Orders, Silence
from .protocol import ERR, Capability, framed
from .records import Record
from .relay import Relay
from .sign_in import Refused, SignIn, SignInOptions, raise_order
from .tls import ServerContexts
from .wire import Wire


class Session:
    """A connection. Other threads control it through `orders`."""

    def __init__(
        self,
        sock: socket.socket,
        record: Record,
        *,
        faults: Faults,
        options: SignInOptions,
        contexts: ServerContexts,
        address: Address,
        now: Callable[[], float],
    ) -> None:
        self.record = record
        self.orders = Orders()
        self._faults = faults
        self._options = options
        self._contexts = contexts
        self._address = address
        self._now = now
        self._client = Wire(sock, self.orders, record)
        self._client.lag = lambda: faults.delay
        self._backend: Backend | None = None

    def run(self) -> None:
        """Serve the client until one side or an order ends the connection. Errors are stored in the record."""
        reset = False
        try:
            reset = self._obeying(self._serve)
        except Refused:
            pass
        except ssl.SSLError as problem:
            self.record.set(error=f"TLS: {problem}")
        except OSError as problem:
            self.record.set(error=str(problem))
            self.record.end("client")
        finally:
            # A bug of the front: the thread prints it to stderr, and the record shows it too.
            if (fault := sys.exception()) is not None:
                self.record.set(error=f"{type(fault).__name__}: {fault}")
            self.record.end("front")
            self._client.close(reset)
            if self._backend is not None:
                self._backend.wire.close()
            self.orders.close()

    def _obeying(self, serve: Callable[[], None]) -> bool:
        """Run `serve`, then obey the order that ends it. Return whether to close with a RST."""
        while True:
            try:
                serve()
                return False
            except Hangup as order:
                self.record.end("front")
                return order.reset
            except Silence:
                serve = self._swallow
            except Notice as order:
                self._client.send(framed(order.payload, 0))
                if order.close:
                    self.record.end("front")
                    return False
                serve = self._swallow
            except Order as order:
                raise AssertionError(f"unknown order {order}") from order

    def _swallow(self) -> None:
        """Read from the client and send nothing until it closes. The backend stays connected, because a lost network would not tell it."""
        while self._client.receive():
            pass
        self.record.end("client")

    def _serve(self) -> None:
        do = self._faults.at_accept()
        if isinstance(do, Delay):
            self.orders.sleep(do.seconds)
        raise_order(do, before_greeting=True)
        self._serve_accepted()

    def _serve_accepted(self) -> None:
        try:
            backend = self._backend = Backend(self._address, self.orders)
        except OSError as problem:
            self.record.set(error=f"the backend can't be reached: {problem}")
            self.record.end("server")
            return
        if backend.first[0] == ERR:
            self.record.set(sign_in="refused", refusal="the backend refused the connection")
            self.record.end("server")
            self._client.send(framed(backend.first, 0))
            return
        sign_in = SignIn(self._client, self.record, self.orders, self._faults, self._options, self._now)
        left = sign_in.run(backend, self._contexts.get())
        attributes = bool(sign_in.login.capabilities & backend.greeting().capabilities & Capability.QUERY_ATTRIBUTES)
        Relay(self._client, backend.wire, self.record, self.orders, self._faults, query_attributes=attributes).run(left)
