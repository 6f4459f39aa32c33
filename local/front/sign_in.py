"""The sign-in of a client: greeting, TLS, login, then the check of the token, or the relay of the password to the backend."""

from __future__ import annotations

import select
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from .backend import Backend
from .faults import KNOWN, Close, Delay, Do, Error, Faults, Silence
from .handshake import Greeting, Login, is_ssl_request
from .iam import TokenCheck
from .orders import Hangup, Notice, Orders
from .orders import Silence as SilenceOrder
from .protocol import ERR, OK, Capability, Packets, auth_switch, error, error_code
from .records import Record
from .wire import Wire

CLEAR_PASSWORD = "mysql_clear_password"  # noqa: S105 - the name of a plugin


@dataclass(frozen=True)
class SignInOptions:
    """The options of `local.front.start` for sign-in. `users`: IAM users with their passwords on the backend."""

    users: dict[str, str] = field(repr=False)
    check: TokenCheck
    direct_clear_password: bool
    require_tls: bool


class Refused(Exception):
    """The sign-in has failed, and the client has received the error."""


class Server(Protocol):
    """What a client signs in to: a backend, or a proxy."""

    def greeting(self) -> Greeting: ...

    def sign_in(self, login: Login, greeting: Greeting, password: str) -> bytes:
        """Return the payload of the OK or ERR packet."""


class SignIn:
    """The sign-in of one connection. After `run`, `login` is the client's login."""

    def __init__(
        self, client: Wire, record: Record, orders: Orders, faults: Faults, options: SignInOptions, now: Callable[[], float]
    ) -> None:
        self._client = client
        self._record = record
        self._orders = orders
        self._faults = faults
        self._options = options
        self._now = now
        self._packets = Packets(client)
        self.login: Login

    def run(self, backend: Server, context: ssl.SSLContext) -> bytes:
        """Sign the client in, and return the bytes that it sent after its sign-in. Raise Refused, an Order, ssl.SSLError or ConnectionError."""
        greeting = backend.greeting()
        self._record.set(backend_id=greeting.thread_id)
        self._packets.write(greeting.for_clients().payload())
        payload = self._packets.read()
        if is_ssl_request(payload):
            self._start_tls(context)
            payload = self._packets.read()
        login = self.login = Login.parse(payload)
        self._record.set(
            user=login.user,
            database=login.database.decode(errors="replace"),
            client_plugin=login.plugin,
            attributes=login.attributes,
            capabilities=login.capabilities,
        )
        if self._client.tls is None and self._options.require_tls:
            self._refuse("no TLS, which is required", 3159, *KNOWN[3159])
        if login.user in self._options.users:
            self._iam(backend, login, greeting)
        elif isinstance(backend, Backend):
            self._fault(self._faults.at_sign_in(login.user))
            self._password(backend, login, greeting)
        else:
            self._denied("the proxy does not know the user", with_password=bool(login.reply))
        self._record.connected()
        self._client.lag = None
        return self._packets.rest()

    def _start_tls(self, context: ssl.SSLContext) -> None:
        try:
            tls = self._client.start_tls(context, self._packets.rest())
        except (ssl.SSLError, ConnectionError) as problem:
            self._record.set(tls_error=str(problem))
            raise
        self._record.set(tls_version=tls.version(), tls_resumed=bool(tls.session_reused))

    def _iam(self, backend: Server, login: Login, greeting: Greeting) -> None:
        if self._client.tls is None:
            self._denied("no TLS: a token is not asked for in the clear", with_password=bool(login.reply))
        direct = (
            self._options.direct_clear_password and login.plugin == CLEAR_PASSWORD and login.capabilities & Capability.PLUGIN_AUTH_LENENC
        )
        if direct and login.reply:
            answer = login.reply
        else:
            self._packets.write(auth_switch(CLEAR_PASSWORD))
            answer = self._packets.read()
        token = answer.rstrip(b"\0").decode(errors="replace")
        self._record.set(token_bytes=len(token.encode()))
        refusal = self._options.check.refusal(token, login.user, self._now())
        if refusal is not None:
            self._denied(refusal, with_password=bool(token))
        self._fault(self._faults.at_sign_in(login.user))
        outcome = backend.sign_in(login, greeting, self._options.users[login.user])
        self._outcome(outcome, "iam")
        self._packets.write(outcome)
        if outcome[0] == ERR:
            raise Refused

    def _password(self, backend: Backend, login: Login, greeting: Greeting) -> None:
        """Relay packets in both directions until the backend sends OK or ERR. The packets in between depend on the plugin."""
        backend.send_login(login, greeting)
        poller = select.poll()
        for one in (self._client, backend.wire, self._orders):
            poller.register(one, select.POLLIN)
        while True:
            ready = [fd for fd, _ in poller.poll()]
            self._orders.obey()
            if backend.wire.fileno() in ready and (received := backend.wire.take()) is not None:
                backend.packets.feed(received)
            if self._client.fileno() in ready and (received := self._client.take()) is not None:
                self._packets.feed(received)
            while (payload := backend.packets.take()) is not None:
                ends = payload[0] in (OK, ERR)
                if ends:
                    self._outcome(payload, "password")
                self._packets.write(payload)
                if payload[0] == ERR:
                    raise Refused
                if ends:
                    return
            while (payload := self._packets.take()) is not None:
                backend.packets.write(payload)

    def _outcome(self, payload: bytes, kind: str) -> None:
        if payload[0] == ERR:
            self._record.set(sign_in="refused", refusal=f"the backend answered with error {error_code(payload)}")
            self._record.end("server")
        else:
            self._record.set(sign_in=kind, signed_in=time.time())

    def _denied(self, reason: str, with_password: bool) -> None:
        user, host = self.login.user, self._record.values["peer"].rpartition(":")[0]
        message = f"Access denied for user '{user}'@'{host}' (using password: {'YES' if with_password else 'NO'})"
        self._refuse(reason, 1045, "28000", message)

    def _refuse(self, reason: str, code: int, sqlstate: str, message: str) -> None:
        self._record.set(sign_in="refused", refusal=reason)
        self._record.end("front")
        self._packets.write(error(code, sqlstate, message))
        raise Refused

    def _fault(self, do: Do | None) -> None:
        match do:
            case Error():
                self._refuse(f"fault: error {do.code}", *do.parts())
            case Delay():
                self._orders.sleep(do.seconds)
            case _:
                raise_order(do)


def raise_order(do: Do | None, *, before_greeting: bool = False) -> None:
    """Raise the order of a fault that ends the connection's normal work. Do nothing for other faults."""
    match do:
        case Close():
            raise Hangup(do.reset)
        case Silence():
            raise SilenceOrder
        case Error():
            raise Notice(error(*do.parts(), before_greeting=before_greeting), True)
        case _:
            return
