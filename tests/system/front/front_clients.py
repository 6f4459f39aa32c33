"""What the front's tests connect with: tokens of botocore, PyMySQL, the connector, and a proxy that counts by itself."""

from __future__ import annotations

import json
import os
import select
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import botocore.session
import mysql.connector
import pymysql

from local.front import Credentials, Front, names
from local.server import Server

CREDENTIALS = Credentials("ASIAEXAMPLEEXAMPLE", "an/example+secret", "an//example==session+token" * 20)
IAM_USER, PASSWORD_USER = "front_iam", "front_password"
USERS = {IAM_USER: "pässword of the front"}
PASSWORD = "password of the user"
DATABASE = "front_test"
PYMYSQL_SETUP = ["QUERY SET NAMES utf8mb4", "QUERY SET AUTOCOMMIT = 0"]
"""What PyMySQL sends by itself after the sign-in."""


def prepare(server: Server) -> Server:
    """Make the tests' users and database on it."""
    server.database(DATABASE)
    server.create_user(IAM_USER, USERS[IAM_USER])
    server.create_user(PASSWORD_USER, PASSWORD)
    return server


def token(front: Front, credentials: Credentials = CREDENTIALS, **changes: Any) -> str:
    """Return a token of botocore's for this front, or with another host, port, user or region."""
    session = botocore.session.Session()
    session.set_credentials(credentials.access_key, credentials.secret_key, credentials.session_token)
    client = session.create_client("rds", region_name=changes.get("region", front.region))
    made: str = client.generate_db_auth_token(
        DBHostname=changes.get("host", front.host), Port=changes.get("port", front.port), DBUsername=changes.get("user", IAM_USER)
    )
    return made


def trusting(front: Front) -> ssl.SSLContext:
    """Return a context that verifies the front as a careful client does."""
    return ssl.create_default_context(cafile=str(front.ca_file))


@contextmanager
def pymysql_connection(front: Front, **options: Any) -> Iterator[pymysql.Connection[Any]]:
    """Yield a connection of PyMySQL: verified TLS, as the IAM user with a good token unless `options` say otherwise."""
    settings: dict[str, Any] = {"user": IAM_USER, "database": DATABASE, "ssl": trusting(front), "port": front.port, **options}
    if "password" not in settings:
        settings["password"] = token(front) if settings["user"] == IAM_USER else PASSWORD
    with names.resolved(front.host):
        connection = pymysql.connect(host=front.host, **settings)
    try:
        yield connection
    finally:
        if connection.open:
            connection.close()


@contextmanager
def connector_connection(front: Front, **options: Any) -> Iterator[Any]:
    """Yield a connection of mysql-connector-python in pure Python, as the IAM user unless `options` say otherwise."""
    settings: dict[str, Any] = {"user": IAM_USER, "database": DATABASE, "use_pure": True, **options}
    if settings["user"] == IAM_USER:
        settings.setdefault("auth_plugin", "mysql_clear_password")
    if "password" not in settings:
        settings["password"] = token(front) if settings["user"] == IAM_USER else PASSWORD
    with names.resolved(front.host):
        connection = mysql.connector.connect(
            host=front.host, port=front.port, ssl_ca=str(front.ca_file), ssl_verify_cert=True, ssl_verify_identity=True, **settings
        )
    with closing(connection):
        yield connection


def query(connection: Any, sql: str = "SELECT CONNECTION_ID()") -> Any:
    """Return the first row's first value."""
    cursor = connection.cursor()
    try:
        cursor.execute(sql)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None
    finally:
        cursor.close()


_C_CLIENT = """
import _mysql_connector  # before ssl, whose older libssl it cannot work with
import json, sys
import mysql.connector
connection = mysql.connector.connect(**json.load(sys.stdin))
cursor = connection.cursor()
cursor.execute("SELECT CONNECTION_ID()")
print(json.dumps([type(connection).__name__, cursor.fetchone()[0]]))
cursor.close()
connection.close()
"""


def c_client(front: Front, **options: Any) -> tuple[str, int]:
    """Return the class of mysql-connector-python's C connection and its CONNECTION_ID(), in a process of its own.

    It connects by address: its C library does not see this process's names.
    """
    settings = {"host": front.address, "port": front.port, "ssl_ca": str(front.ca_file), "database": DATABASE, "use_pure": False, **options}
    environment = {name: value for name, value in os.environ.items() if name != "LIBMYSQL_ENABLE_CLEARTEXT_PLUGIN"}
    run = subprocess.run(
        [sys.executable, "-c", _C_CLIENT], input=json.dumps(settings), capture_output=True, text=True, check=False, env=environment
    )
    assert run.returncode == 0, run.stderr
    kind, number = json.loads(run.stdout)
    return kind, number


class CountingProxy:
    """Passes one connection on to the front and counts on its own: bytes each way, and answers (server bytes after client bytes)."""

    def __init__(self, front: Front) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._target = (front.address, front.port)
        self.port: int = self._listener.getsockname()[1]
        self.bytes_in = self.bytes_out = self.answers = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> CountingProxy:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(self._target)
        asked = False
        with client, server:
            while True:
                for one in select.select([server, client], [], [])[0]:
                    data = one.recv(1 << 20)
                    if not data:
                        return
                    if one is client:
                        self.bytes_in += len(data)
                        asked = True
                        server.sendall(data)
                    else:
                        self.bytes_out += len(data)
                        self.answers += asked
                        asked = False
                        client.sendall(data)
