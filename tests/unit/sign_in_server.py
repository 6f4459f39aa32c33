"""A server of a few lines at the other end of a socket pair for the sign-in: its greeting, TLS, and answers that a test has written down."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterable
from pathlib import Path

from fake_server import packets, receive

from local.front.handshake import Greeting, Login
from local.front.protocol import Capability

CAPABILITIES = 0xFFFFFFFF & ~(Capability.COMPRESS | Capability.ZSTD | Capability.MULTI_FACTOR)
NONCE = bytes(range(1, 21))


def greeting(version: bytes = b"9.7.0", *, plugin: bytes = b"caching_sha2_password", capabilities: int = CAPABILITIES) -> bytes:
    """A greeting's payload."""
    return Greeting(version, 4711, NONCE, capabilities, 45, 2, b"\0" * 10, plugin).payload()


class SignInServer:
    """Greets, takes the TLS handshake and the login, then gives its answers one by one, each to what the client sends."""

    def __init__(self, connected: socket.socket, certificate: tuple[Path, Path], first: bytes, answers: Iterable[bytes] = ()) -> None:
        self.received: list[bytes] = []
        """The payloads that came within TLS."""
        self._socket = connected
        self._certificate = certificate
        self._first = first
        self._answers = list(answers)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def login(self) -> Login:
        """The client's login."""
        return Login.parse(self.received[0])

    def wait(self) -> None:
        """Wait until the client has closed, or all answers are given."""
        self._thread.join()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the client has closed
            self._socket.sendall(packets([self._first], 0))
            if receive(self._socket) is None:
                return
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._certificate)
            with context.wrap_socket(self._socket, server_side=True) as secured:
                number = 3
                for answer in self._answers:
                    payload = receive(secured)
                    if payload is None:
                        return
                    self.received.append(payload)
                    secured.sendall(packets([answer], number))
                    number += 2
                payload = receive(secured)
                if payload is not None:
                    self.received.append(payload)
