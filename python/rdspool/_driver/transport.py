"""The socket: a TCP connection to the first address that answers, TLS over it, and what has arrived without a wait."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

from mysql.connector.errors import ConnectionTimeoutError, InterfaceError, OperationalError

from .._bounded_calls import in_time
from ..deadlines import Limit
from ..errors import StatementTimeoutError
from .error_numbers import CANNOT_CONNECT, TIMED_OUT, TLS_FAILED

_OPTIONS: Final = {
    "TCP_NODELAY": 1,
    # A network that goes silent is noticed within 15 s, in the middle of a statement too: the peer's kernel answers the probes, however
    # long the server works. Probes begin after 4 s of silence, and what is not acknowledged for 10 s ends the connection.
    "TCP_KEEPIDLE": 4,
    "TCP_KEEPALIVE": 4,  # its name on macOS
    "TCP_KEEPINTVL": 2,
    "TCP_KEEPCNT": 5,
    "TCP_USER_TIMEOUT": 10_000,
}
"""Options of each socket, those of them that the system has. The time-outs are in seconds, the last one in milliseconds."""

_UNACKNOWLEDGED: Final = 24
"""Offset of tcpi_unacked in Linux's struct tcp_info (linux/tcp.h)."""


def connect(
    host: str, port: int, limit: Limit, *, force_ipv6: bool = False, lap: Callable[[str], object] = lambda _: None
) -> socket.socket:
    """Return a socket that is connected to the first address of the host that answers. `lap` is called after each step, with its name.

    Raises OperationalError 2003 (no such name, refused, no route) and ConnectionTimeoutError.
    """
    address = f"{host}:{port}"
    addresses = look_up(host, port, socket.AF_INET6 if force_ipv6 else socket.AF_UNSPEC, limit)
    lap("name")
    # RDS names with both families are reachable by IPv4 from every VPC, by IPv6 only from some.
    addresses.sort(key=lambda found: found[0] != socket.AF_INET)
    failure: OSError | None = None
    for number, (family, kind, protocol, _, target) in enumerate(addresses):
        opened = socket.socket(family, kind, protocol)
        try:
            # One that never answers leaves as much time to each of those after it.
            opened.settimeout(max(0.001, limit.left() / (len(addresses) - number)))
            _set_options(opened)
            opened.connect(target)
        except OSError as error:
            opened.close()
            failure = error
            continue
        except BaseException:
            opened.close()
            raise
        lap("tcp")
        return opened
    if isinstance(failure, TimeoutError):
        raise ConnectionTimeoutError(f"{address} did not answer within {limit}", errno=CANNOT_CONNECT) from failure
    raise OperationalError(f"{address} can't be reached ({failure})", errno=CANNOT_CONNECT) from failure


def _set_options(opened: socket.socket) -> None:
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS.items():
        option = getattr(socket, name, None)
        if option is not None:
            opened.setsockopt(socket.IPPROTO_TCP, option, value)


def look_up(host: str, port: int, family: int, limit: Limit) -> list[Any]:
    """Return the host's addresses. The system's look-up takes no time-out (10 s for a resolver that never answers), so a thread makes it."""
    # As bytes: a str goes through the idna codec, whose import costs a cold start 1 ms of CPU.
    name = host.encode()
    try:
        return socket.getaddrinfo(name, port, family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except OSError:
        pass  # not an address but a name
    try:
        found = in_time(lambda: socket.getaddrinfo(name, port, family, socket.SOCK_STREAM), limit)
    except OSError as error:
        raise OperationalError(f"the name {host!r} has no address ({error})", errno=CANNOT_CONNECT) from error
    if found is None:
        raise NameTimeoutError(f"the name {host!r} was looked up for {limit}, and no name server answered", errno=CANNOT_CONNECT)
    return found


class NameTimeoutError(ConnectionTimeoutError):
    """No name server answered in time."""


def start_tls(plain: socket.socket, host: str, address: str, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSocket:
    """Return the socket after the TLS handshake, which verifies the server's certificate and its name. `session` is resumed if the server agrees.

    Raises InterfaceError with the ssl module's error as its cause, StatementTimeoutError where the handshake outlasts the socket's time-out.
    """
    # In two steps: the ssl module leaves the socket open where its own handshake meets an exception from outside, as of a signal's handler.
    secured = context.wrap_socket(plain, server_hostname=host.encode(), session=session, do_handshake_on_connect=False)
    try:
        secured.do_handshake()
    except TimeoutError as error:
        secured.close()
        raise StatementTimeoutError(f"{address} did not finish the TLS handshake in time", errno=TIMED_OUT) from error
    except OSError as error:
        secured.close()
        raise InterfaceError(f"TLS with {address} failed: {error}", errno=TLS_FAILED) from error
    except BaseException:
        secured.close()
        raise
    return secured


def acknowledged(connected: socket.socket) -> bool:
    """Return whether the peer's kernel has acknowledged all that was sent. True where the system does not tell."""
    option = getattr(socket, "TCP_INFO", None)
    if option is None:
        return True
    try:
        told = connected.getsockopt(socket.IPPROTO_TCP, option, _UNACKNOWLEDGED + 4)
    except OSError:
        return True  # no TCP socket
    return len(told) < _UNACKNOWLEDGED + 4 or not any(told[_UNACKNOWLEDGED:])


def calls(connected: socket.socket) -> tuple[Callable[[bytes], int], Callable[[int], bytes]]:
    """Return what sends some bytes and what receives some.

    Those of an SSLSocket call these with its arguments put together anew, which costs a statement 4 calls.
    """
    return (connected.write, connected.read) if isinstance(connected, ssl.SSLSocket) else (connected.send, connected.recv)


def arrived(connected: socket.socket, timeout: float | None, size: int) -> bytes | None:
    """Return what has arrived on the socket, at most `size` bytes, b"" for nothing, None where the peer has closed.

    `timeout` is the socket's own, in seconds, which it gets back.
    """
    connected.settimeout(0)
    try:
        return connected.recv(size) or None
    except (ssl.SSLWantReadError, BlockingIOError):
        return b""  # nothing, or a TLS 1.3 session ticket, which the TLS layer keeps for itself
    except OSError:
        return None
    finally:
        connected.settimeout(timeout)
