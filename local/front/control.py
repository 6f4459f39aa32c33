"""The control channel of the front: HTTP with JSON on a loopback port, protected by a token."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .backend import Address
from .endpoint import Endpoint
from .faults import Command, Error, do_from_json, when_from_json
from .names import LOOPBACK
from .orders import Hangup, Notice, Silence
from .protocol import error
from .proxy.pool import Pool


class Verbs:
    """The requests to a front. Each method is a verb, with JSON values as arguments and result."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def connections(self) -> list[dict[str, Any]]:
        return self._endpoint.records.snapshots()

    def totals(self) -> dict[str, int]:
        return self._endpoint.records.totals()

    def proxy(self) -> dict[str, int]:
        return self._pool().snapshot()

    def lead_to(self, backend: dict[str, Any] | None) -> None:
        self._pool().lead_to(None if backend is None else Address(**backend))

    def reset(self) -> None:
        self._endpoint.records.reset()

    def fault(self, when: dict[str, Any], do: dict[str, Any], times: int | None, after: int) -> int:
        event = when_from_json(when)
        if self._endpoint.pool is not None and isinstance(event, Command):
            raise ValueError("a proxy has no faults of commands")
        return self._endpoint.faults.add(event, do_from_json(do), times, after)

    def faults(self) -> list[dict[str, Any]]:
        return self._endpoint.faults.all()

    def clear_faults(self, number: int | None = None) -> None:
        self._endpoint.faults.remove(number)

    def delay(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError(f"a delay of {seconds} s is negative")
        self._endpoint.faults.delay = seconds

    def clock(self, ahead: float) -> None:
        self._endpoint.ahead = ahead

    def kill(self, connection: int, reset: bool = False) -> None:
        self._endpoint.order(connection, Hangup(reset))

    def blackhole(self, connection: int) -> None:
        self._endpoint.order(connection, Silence())

    def notify(self, connection: int, code: int, sqlstate: str | None, message: str | None, close: bool) -> None:
        self._endpoint.order(connection, Notice(error(*Error(code, sqlstate, message).parts()), close))

    def stop_listening(self) -> None:
        self._endpoint.stop_listening()

    def listen_again(self) -> None:
        self._endpoint.listen_again()

    def _pool(self) -> Pool:
        if self._endpoint.pool is None:
            raise LookupError("this front is no proxy")
        return self._endpoint.pool


def serve(endpoint: Endpoint, token: str) -> ThreadingHTTPServer:
    """Return the HTTP server of the control channel. It is bound to a free port but does not serve yet."""
    verbs = Verbs(endpoint)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            self._answer(*self._outcome())

        def _outcome(self) -> tuple[HTTPStatus, dict[str, Any]]:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()):
                return HTTPStatus.UNAUTHORIZED, {"error": "the control channel's token is missing or wrong"}
            name = self.path.removeprefix("/")
            verb: Callable[..., Any] | None = None if name.startswith("_") else getattr(verbs, name, None)
            if verb is None:
                return HTTPStatus.NOT_FOUND, {"error": f"the front has no verb {name}"}
            try:
                return HTTPStatus.OK, {"answer": verb(**json.loads(content))}
            except (LookupError, OSError) as problem:
                return HTTPStatus.CONFLICT, {"error": str(problem)}
            except (ValueError, TypeError) as problem:
                return HTTPStatus.BAD_REQUEST, {"error": str(problem)}

        def _answer(self, status: HTTPStatus, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass  # One line per request would hide important messages on stderr.

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    server.daemon_threads = True
    return server
