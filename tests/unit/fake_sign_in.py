"""The server's side of a sign-in, as a test has written it down: greeting, TLS, and what follows."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fake_server import FakeServer, ok, packets, receive_packet

from local.front.protocol import Capability

NONCE = bytes(range(1, 21))
TEXT = "the-secret's text ü"
"""The password, or the token, of the tests that sign in."""
READ = object()
"""In a script: a packet of the client's is read."""

FULL = 0xFFFFFFFF
"""All capabilities."""
Script = Sequence[Any]
"""Payloads that are sent, READ, and functions that do what they want with the socket."""


def greeting(
    plugin: str = "caching_sha2_password",
    *,
    version: str = "9.7.4",
    connection_id: int = 4711,
    capabilities: int = FULL,
    nonce: bytes = NONCE,
) -> bytes:
    """Return a greeting's payload."""
    flags = capabilities.to_bytes(4, "little")
    start = b"\x0a" + version.encode() + b"\0" + connection_id.to_bytes(4, "little") + nonce[:8] + b"\0"
    middle = flags[:2] + b"\xff\x02\0" + flags[2:] + bytes((len(nonce) + 1,)) + bytes(10)
    return start + middle + nonce[8:] + b"\0" + plugin.encode() + b"\0"


ACCEPTED: Script = (READ, ok())


class SignInServer:
    """Greets on a socket, speaks TLS, follows its script, and then answers commands as FakeServer does."""

    def __init__(
        self,
        connected: socket.socket,
        context: ssl.SSLContext | None,
        script: Script = ACCEPTED,
        *,
        greets: bytes | None = None,
        known_in: list[SignInServer] | None = None,
    ) -> None:
        """Serve at once; before that, the server stands in `known_in`, so that a client that it has answered finds it there."""
        if known_in is not None:
            known_in.append(self)
        self.received: list[bytes] = []
        """The payloads that came before the commands: the request for TLS, the login, the replies."""
        self.after: FakeServer | None = None
        self.failure: OSError | None = None
        self._socket = connected
        self._wire = connected.dup()
        """The same connection, whatever TLS has made of the socket: close() ends it, so that no thread still uses a number that is given anew."""
        self._context = context
        self._script = script
        self._greets = greeting() if greets is None else greets
        self._number = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def login(self) -> bytes:
        """The login's payload."""
        return self.received[1]

    def wait(self) -> None:
        """Wait until the script is at its end."""
        self._thread.join()

    def close(self) -> None:
        """Close the connection."""
        self._end()
        self._thread.join()
        if self.after is not None:
            self.after.close()
        self._socket.close()
        self._wire.close()

    def _end(self) -> None:
        with contextlib.suppress(OSError):  # the client was first
            self._wire.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        try:
            self._send(self._greets)
            if not self._read() or self._context is None:
                return
            self._socket = self._context.wrap_socket(self._socket, server_side=True)
            for step in self._script:
                if step is READ:
                    if not self._read():
                        return
                elif callable(step):
                    step(self._socket)
                else:
                    self._send(step)
            # rdspool asks for it where it is offered only.
            asked = int.from_bytes(self.received[0][:4], "little")
            self.after = FakeServer(self._socket, [[ok()]] * 20, ok_ends_rows=bool(asked & Capability.DEPRECATE_EOF))
        except OSError as failure:
            self.failure = failure
            self._end()

    def _send(self, payload: bytes) -> None:
        self._socket.sendall(packets([payload], self._number))
        self._number += 1

    def _read(self) -> bool:
        packet = receive_packet(self._socket)
        if packet is None:
            return False
        self._number = packet[0] + 1
        self.received.append(packet[1])
        return True


class Listener:
    """Listens on a loopback port; each connection gets the next of the scripts."""

    def __init__(
        self, context: ssl.SSLContext, scripts: Iterable[Script], *, address: str = "127.0.0.1", greets: bytes | None = None
    ) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self.servers: list[SignInServer] = []
        self._make: Callable[[socket.socket, Script], SignInServer] = lambda taken, script: SignInServer(
            taken, context, script, greets=greets, known_in=self.servers
        )
        self._scripts = list(scripts)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        for script in self._scripts:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            self._make(taken, script)

    def close(self) -> None:
        """Close it, and all connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for server in self.servers:
            server.close()
