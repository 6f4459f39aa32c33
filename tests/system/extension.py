"""The Parameters and Secrets extension of a function: an HTTP server that asks AWS once, and keeps what it has got, as the real one does."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3


class Extension:
    """Answers on a loopback port. `ready` False: it is in its init phase."""

    def __init__(self, variables: dict[str, str], session_token: str, region: str) -> None:
        """Ask AWS with these variables; the function has to send its session token."""
        self.asked: list[str] = []
        """The requests that came."""
        self.ready = True
        self._kept: dict[str, Any] = {}
        self._token = session_token
        options = {
            "endpoint_url": variables["AWS_ENDPOINT_URL"],
            "region_name": region,
            "aws_access_key_id": variables["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": variables["AWS_SECRET_ACCESS_KEY"],
        }
        self._secrets, self._parameters = boto3.client("secretsmanager", **options), boto3.client("ssm", **options)
        extension = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = extension._answer(self.path, self.headers.get("X-Aws-Parameters-Secrets-Token"))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: str, token: str | None) -> tuple[int, bytes]:
        self.asked.append(path)
        if token != self._token:
            return 401, b"Unauthorized: an incorrect session token"
        if not self.ready:
            return 400, b"not ready to serve traffic, please wait"
        if path not in self._kept:
            parts = urlsplit(path)
            query = {name: found[0] for name, found in parse_qs(parts.query).items()}
            if parts.path == "/secretsmanager/get":
                self._kept[path] = self._secrets.get_secret_value(SecretId=query["secretId"], VersionStage=query["versionStage"])
            elif parts.path == "/systemsmanager/parameters/get":
                self._kept[path] = self._parameters.get_parameter(Name=query["name"], WithDecryption=query["withDecryption"] == "true")
            else:
                return 404, b"not found"
        return 200, json.dumps(self._kept[path], default=str).encode()
