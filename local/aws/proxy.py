"""The HTTP server for clients. It records each call, applies a fault if one matches, and passes other calls to moto."""

from __future__ import annotations

import hmac
import http.client
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.sax.saxutils import escape

from . import additions, faults
from .functions import Functions
from .operations import Asked, identify
from .records import Record

CONTROL = "/_control"
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"})
_SILENCE = 600.0  # seconds; clients give up earlier

Orders = Callable[[str, dict[str, Any]], Any]


class Proxy(ThreadingHTTPServer):
    """Listens on a free loopback port. `backend` is moto's port, `account_of` returns the account of an access key.

    `functions` runs the functions that are invoked.
    """

    daemon_threads = True
    # Large enough for a client that connects to all regions at once.
    request_queue_size = 128

    def __init__(self, token: str, account_of: Callable[[str], str], functions: Functions) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.token = token
        self.account_of = account_of
        self.functions = functions
        self.backend = 0
        self.rules = faults.Rules()
        self.records: list[Record] = []
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def order(self, name: str, values: dict[str, Any]) -> Any:
        """Execute a control request of client.py and return its result."""
        if name == "fault":
            return self.rules.add(faults.Call(**values["when"]), faults.from_json(values["do"]), values["times"], values["after"])
        if name == "clear":
            self.rules.remove()
            with self.lock:
                self.records.clear()
            return None
        if name == "functions":
            self.functions.settings(**values)
            return None
        if name == "calls":
            with self.lock:
                return [vars(record) for record in self.records]
        raise ValueError(name)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Send header and body in one packet. Separate packets would wait 40 ms for a delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Proxy

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Print nothing, because each call is recorded."""

    def handle_any(self) -> None:
        body = self._body()
        if self.path.startswith(CONTROL):
            self._control(body)
        elif self.path.startswith("/_contents/"):
            self._contents()
        else:
            self._call(body)

    def _control(self, body: bytes) -> None:
        if not hmac.compare_digest(self.headers.get("Authorization", ""), self.server.token):
            self._answer(403, {}, b"")
            return
        order = json.loads(body)
        self._answer(200, {}, json.dumps(self.server.order(order.pop("order"), order)).encode())

    def _contents(self) -> None:
        account, region, layer, version = self.path.split("/")[2:]
        data = additions.contents(account, region, layer, version)
        self._answer(200 if data is not None else 404, {"Content-Type": "application/zip"}, data or b"")

    def _call(self, body: bytes) -> None:
        asked = identify(self.command, self.path, dict(self.headers), body)
        account = self.server.account_of(asked.key)
        fault = self.server.rules.take(service=asked.service, operation=asked.operation, region=asked.region, account=account)
        if isinstance(fault, faults.Refuse):
            self._record(asked, account, fault.status, fault)
            self._answer(fault.status, *_refusal(asked.service, fault))
        elif isinstance(fault, faults.Silence | faults.Close):
            self._record(asked, account, None, fault)
            if isinstance(fault, faults.Silence):
                self._wait_for_the_client_to_give_up()
            self.close_connection = True
        else:
            status, headers, answer = self._pass_on(body)
            self._record(asked, account, None if isinstance(fault, faults.LoseAnswer) else status, fault)
            if isinstance(fault, faults.LoseAnswer):
                self.close_connection = True
                return
            if isinstance(fault, faults.Delay):
                time.sleep(fault.seconds)
            self._answer(status, headers, answer)

    def _record(self, asked: Asked, account: str, status: int | None, fault: faults.Do | None) -> None:
        kind = type(fault).__name__ if fault else None
        with self.server.lock:
            self.server.records.append(Record(account, asked.region, asked.service, asked.operation, self.path, status, kind))

    def _wait_for_the_client_to_give_up(self) -> None:
        self.connection.settimeout(_SILENCE)
        try:
            self.connection.recv(1)
        except OSError:
            return

    def _pass_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.backend, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in ("transfer-encoding", "expect")}
            connection.request(self.command, self.path, body, headers | {"Content-Length": str(len(body))})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            # The answer to HEAD has the length of a body that is not sent.
            given = next((value for name, value in headers.items() if name.lower() == "content-length"), None)
            self.send_header("Content-Length", given if self.command == "HEAD" and given else str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            # The client was killed or gave up. The call was executed nevertheless.
            self.close_connection = True

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)


for _method in ("GET", "POST", "PUT", "DELETE", "HEAD"):
    setattr(_Handler, f"do_{_method}", _Handler.handle_any)


def _refusal(service: str, fault: faults.Refuse) -> tuple[dict[str, str], bytes]:
    if service in ("s3", "sts"):
        body = f"<Code>{escape(fault.code)}</Code><Message>{escape(fault.message)}</Message>"
        whole = f"<Error>{body}</Error>" if service == "s3" else f"<ErrorResponse><Error>{body}</Error></ErrorResponse>"
        return {"Content-Type": "text/xml"}, whole.encode()
    answer = {"__type": fault.code, "message": fault.message}
    return {"Content-Type": "application/json", "x-amzn-ErrorType": fault.code}, json.dumps(answer).encode()
