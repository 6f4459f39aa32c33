"""The socket: a TCP connection to the first address that answers, TLS over it, and what has arrived without a wait."""

from __future__ import annotations

import socket
import ssl

from mysql.connector.errors import ConnectionTimeoutError, InterfaceError, OperationalError

from .error_numbers import CANNOT_CONNECT, TLS_FAILED


def connect(host: str, port: int, timeout: float | None, *, force_ipv6: bool = False) -> socket.socket:
    """Return a socket that is connected to the first address of the host that answers. `timeout` is in seconds, for each address.

    Raises OperationalError 2003 (no such name, refused, no route) and ConnectionTimeoutError.
    """
    family = socket.AF_INET6 if force_ipv6 else socket.AF_UNSPEC
    address = f"{host}:{port}"
    try:
        # As bytes: a str goes through the idna codec, whose import costs a cold start 1 ms of CPU.
        addresses = socket.getaddrinfo(host.encode(), port, family, socket.SOCK_STREAM)
    except OSError as error:
        raise OperationalError(f"the name {host!r} has no address ({error})", errno=CANNOT_CONNECT) from error
    # RDS names with both families are reachable by IPv4 from every VPC, by IPv6 only from some.
    addresses.sort(key=lambda found: found[0] != socket.AF_INET)
    failure: OSError | None = None
    for address_family, kind, protocol, _, target in addresses:
        opened = socket.socket(address_family, kind, protocol)
        try:
            opened.settimeout(timeout)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            opened.connect(target)
        except OSError as error:
            opened.close()
            failure = error
            continue
        except BaseException:
            opened.close()
            raise
        return opened
    if isinstance(failure, TimeoutError):
        raise ConnectionTimeoutError(f"{address} did not answer within {timeout:g} s", errno=CANNOT_CONNECT) from failure
    raise OperationalError(f"{address} can't be reached ({failure})", errno=CANNOT_CONNECT) from failure


def start_tls(plain: socket.socket, host: str, address: str, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSocket:
    """Return the socket after the TLS handshake, which verifies the server's certificate and its name. `session` is resumed if the server agrees.

    Raises InterfaceError with the ssl module's error as its cause.
    """
    # In two steps: the ssl module leaves the socket open where its own handshake meets an exception from outside, as of a signal's handler.
    secured = context.wrap_socket(plain, server_hostname=host.encode(), session=session, do_handshake_on_connect=False)
    try:
        secured.do_handshake()
    except OSError as error:
        secured.close()
        raise InterfaceError(f"TLS with {address} failed: {error}", errno=TLS_FAILED) from error
    except BaseException:
        secured.close()
        raise
    return secured


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
