"""Connect to the real server behind the front, and sign in with a password that the front knows."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace

from .handshake import Greeting, Login
from .orders import Orders
from .protocol import AUTH_MORE_DATA, AUTH_SWITCH, ERR, OK, Capability, Cursor, Packets, ProtocolError
from .wire import Wire

CONNECT_TIMEOUT = 10.0  # seconds

FAST_SIGN_IN_DONE = b"\x03"
FULL_SIGN_IN = b"\x04"


@dataclass(frozen=True)
class Address:
    """The address of the real server. Its unix socket is used if it has one."""

    host: str
    port: int
    socket: str | None


class Backend:
    """A connection to the real server that has received its greeting. Raise OSError when the server can't be reached."""

    def __init__(self, address: Address, orders: Orders) -> None:
        if address.socket is not None:
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(CONNECT_TIMEOUT)
            try:
                sock.connect(address.socket)
            except OSError:
                sock.close()
                raise
        else:
            sock = socket.create_connection((address.host, address.port), CONNECT_TIMEOUT)
        self.wire = Wire(sock, orders)
        self.packets = Packets(self.wire)
        self.first = self.packets.read()
        self.tls = False
        self._over_tcp = address.socket is None

    def greeting(self) -> Greeting:
        """Return the greeting of the server. Raise ProtocolError when it was an ERR packet."""
        return Greeting.parse(self.first)

    def send_login(self, login: Login, greeting: Greeting) -> None:
        """Send the login, over TLS on TCP, because caching_sha2_password accepts a clear password only over TLS or a unix socket."""
        if self._over_tcp and greeting.capabilities & Capability.SSL:
            self.packets.write(login.start(tls=True))
            # Not verified: the server is local, and its address identifies it.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.wire.start_tls(context, server_side=False)
            self.tls = True
        self.packets.write(login.payload(tls=self.tls))

    def sign_in(self, login: Login, greeting: Greeting, password: str) -> bytes:
        """Sign in with the client's login and the front's password, and return the payload of the server's OK or ERR packet.

        Raise ProtocolError when the server asks for an unknown plugin.
        """
        plugin, nonce = greeting.plugin.decode(), greeting.nonce
        if plugin not in SCRAMBLES:
            plugin = "mysql_native_password"
        self.send_login(replace(login, plugin=plugin, reply=SCRAMBLES[plugin](password, nonce)), greeting)
        while True:
            answer = self.packets.read()
            if answer[0] in (OK, ERR):
                return answer
            if answer[0] == AUTH_SWITCH:
                cursor = Cursor(answer, 1)
                plugin = cursor.text_to_nul().decode()
                nonce = cursor.take(cursor.left).rstrip(b"\0")
                if plugin not in SCRAMBLES:
                    raise ProtocolError(f"the backend asks for the plugin {plugin} for user {login.user}, which the front does not support")
                self.packets.write(SCRAMBLES[plugin](password, nonce))
            elif answer == bytes((AUTH_MORE_DATA,)) + FULL_SIGN_IN:
                self.packets.write(password.encode() + b"\0")
            elif answer != bytes((AUTH_MORE_DATA,)) + FAST_SIGN_IN_DONE:
                raise ProtocolError(f"the backend's sign-in continued with a packet of type 0x{answer[0]:02x}")


def native_password(password: str, nonce: bytes) -> bytes:
    """Return the answer of mysql_native_password to a nonce."""
    if not password:
        return b""
    once = _sha1(password.encode())
    return _xor(once, _sha1(nonce + _sha1(once)))


def caching_sha2_password(password: str, nonce: bytes) -> bytes:
    """Return the answer of caching_sha2_password to a nonce (the fast path)."""
    if not password:
        return b""
    once = hashlib.sha256(password.encode()).digest()
    twice = hashlib.sha256(once).digest()
    return _xor(once, hashlib.sha256(twice + nonce).digest())


def _sha1(data: bytes) -> bytes:
    # The plugin requires SHA-1.
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _clear_password(password: str, _nonce: bytes) -> bytes:
    return password.encode() + b"\0"


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


SCRAMBLES: dict[str, Callable[[str, bytes], bytes]] = {
    "mysql_native_password": native_password,
    "caching_sha2_password": caching_sha2_password,
    "mysql_clear_password": _clear_password,
}
