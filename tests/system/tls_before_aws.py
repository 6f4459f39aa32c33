"""TLS before the AWS API: an endpoint of AWS with a private authority, and a proxy that inspects TLS."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


class TlsBefore:
    """Listens on a loopback port, speaks TLS there, and passes on to `api` (its URL) what is inside.

    A client may ask for a tunnel first, as it asks a proxy: then the certificate has to be one for the tunnel's end.
    """

    def __init__(self, api: str, certificate: Path, key: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        there = urlsplit(api)
        self.tunnels: list[str] = []
        """The ends of the tunnels that were asked for, each as name:port."""
        tunnels = self.tunnels

        class Handler(socketserver.StreamRequestHandler):
            rbufsize = 0

            def handle(self) -> None:
                if self.request.recv(7, socket.MSG_PEEK) == b"CONNECT":
                    tunnels.append(self.rfile.readline().split()[1].decode())
                    while self.rfile.readline().strip():
                        pass
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                try:
                    with (
                        context.wrap_socket(self.request, server_side=True) as client,
                        socket.create_connection((there.hostname, there.port)) as backend,
                    ):
                        threading.Thread(target=_pass_on, args=(backend, client), daemon=True).start()
                        _pass_on(client, backend)
                except OSError:
                    return  # the client does not trust the certificate

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


def _pass_on(source: Any, target: Any) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
