"""Writes server_streams.json again: what MySQL and MariaDB send for a sign-in and for statements of every kind, taken behind TLS.

It holds nothing secret: of a sign-in only what the server says.

    PYTHONPATH=.:python .venv/bin/python tests/unit/record_streams.py

What stands in the file is the bytes in hexadecimal, a run of one byte as `78*66000`.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

from rdspool._aws.credentials import Credentials
from rdspool._aws.token import sign
from rdspool._driver.command_phase import CommandPhase
from rdspool._driver.connection import Connection
from rdspool._driver.packets import PacketStream
from rdspool._driver.session_start import SessionStart
from rdspool._driver.sign_in import CAPABILITIES, MULTI_STATEMENTS, Login, receive_greeting, sign_in
from rdspool.secret import Secret

import local.front
import local.server

FILE = Path(__file__).with_name("server_streams.json")
REGION = "eu-central-1"

COMMON_TYPES = {
    "tiny": ("TINYINT UNSIGNED", "255"),
    "whole": ("INT", "-2147483648"),
    "big": ("BIGINT UNSIGNED", "18446744073709551615"),
    "bits": ("BIT(12)", "b'101010101010'"),
    "single": ("FLOAT", "1.5"),
    "twice": ("DOUBLE", "1.7976931348623157e308"),
    "exact": ("DECIMAL(30,10)", "'12345678901234567890.0123456789'"),
    "day": ("DATE", "'2026-11-23'"),
    "no_day": ("DATE", "'0000-00-00'"),
    "moment": ("DATETIME(6)", "'9999-12-31 23:59:59.999999'"),
    "stamp": ("TIMESTAMP NULL", "'2026-11-23 01:02:03'"),
    "span": ("TIME(6)", "'-838:59:59'"),
    "years": ("YEAR", "2026"),
    "fixed_text": ("CHAR(5)", "'ab'"),
    "short_text": ("VARCHAR(200)", "'äöü € 𝄞 ''quoted'''"),
    "long_text": ("LONGTEXT", "REPEAT('ü', 200)"),
    "latin_text": ("VARCHAR(20) CHARACTER SET latin1", "'äöü'"),
    "bytes": ("VARBINARY(20)", "X'00FF27225C0A'"),
    "blob_bytes": ("BLOB", "REPEAT(X'00', 300)"),
    "one_of": ("ENUM('a','b','ü')", "'ü'"),
    "some_of": ("SET('a','b','c')", "'a,c'"),
    "document": ("JSON", '\'{"a": [1, "ü"]}\''),
    "place": ("POINT", "ST_GeomFromText('POINT(1 2)')"),
}
TYPES = {"mysql": {**COMMON_TYPES, "numbers": ("VECTOR(3)", "STRING_TO_VECTOR('[1,2.5,-3]')")}, "mariadb": COMMON_TYPES}

QUERIES = {
    "every type": "SELECT * FROM every_type",
    "empty": "SELECT id, short_text FROM every_type WHERE FALSE",
    "one number": "SELECT 1",
    "many rows": "SELECT a.id * 100 + b.id AS n, REPEAT('x', b.id) AS t FROM numbered a, numbered b",
    "large row": "SELECT REPEAT('x', 66000) AS x, REPEAT('y', 300) AS y, 'z' AS z",
    "update": "UPDATE every_type SET whole = 5 WHERE id = 1",
    "insert": "INSERT INTO numbered (id) VALUES (NULL)",
    "warnings": "DO 1/0",
    "error": "SELECT nothing FROM nowhere",
    "duplicate": "INSERT INTO numbered (id) VALUES (1)",
    "error among rows": "SELECT IF(id = 5, (SELECT id FROM numbered LIMIT 2), id) FROM numbered",
    "begin": "START TRANSACTION",
    "call": "CALL three()",
    "call that fails": "CALL fails_late()",
    "several statements": "SELECT 1; UPDATE numbered SET id = id; SELECT 'a' UNION SELECT 'b'",
    "set": "SET NAMES 'utf8mb4', @@session.autocommit = 1",
}

received: list[bytes] = []


class RecordingSocket(ssl.SSLSocket):
    """Keeps what it gives to its reader."""

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        data = super().recv(buflen, flags)
        received.append(data)
        return data


def taken() -> bytes:
    """Return what was received since the last call."""
    data = b"".join(received)
    received.clear()
    return data


def written(data: bytes) -> str:
    """Return the bytes in hexadecimal, long runs as their number."""
    runs = re.finditer(rb"(.)\1{63,}|(?:(?!(.)\2{63}).)+", data, re.DOTALL)
    return " ".join(f"{run[1].hex()}*{len(run[0])}" if run[1] else run[0].hex() for run in runs)


def main() -> int:
    streams: list[dict[str, Any]] = []
    for kind in ("mysql", "mariadb"):
        with local.server.start(kind) as server:
            streams += record(server, kind)
    FILE.write_text(json.dumps(streams, indent=1, ensure_ascii=False) + "\n")
    print(f"{FILE.name}: {len(streams)} streams, {FILE.stat().st_size:,} bytes")  # noqa: T201
    return 0


def record(server: local.server.Server, kind: str) -> list[dict[str, Any]]:
    """Return the streams of one server."""
    password = secrets.token_urlsafe(12)
    server.database("app", charset="utf8mb4")
    server.create_user("iam", password)
    server.create_user("plain", password)
    prepare(server, TYPES[kind])
    credentials = local.front.Credentials("AKIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30))
    with local.front.start(server, users={"iam": password}, credentials=credentials, region=REGION, host="db.test") as front:
        tls = ssl.create_default_context(cafile=str(front.ca_file))
        tls.sslsocket_class = RecordingSocket
        theirs = Credentials(credentials.access_key, Secret(credentials.secret_key))
        signed = sign(front.host, front.port, "iam", REGION, theirs)
        streams = []
        for name, user, secret, token in (
            ("sign-in with a password", "plain", Secret(password), False),
            ("sign-in with the password again", "plain", Secret(password), False),
            ("sign-in with mysql_clear_password", "iam", signed, True),
        ):
            stream, greeted, version, status = signed_in(front, tls, user, secret, token)
            streams.append({"server": version, "name": name, "token": token, "greeting": written(greeted), "answer": written(taken())})
        try:
            signed_in(front, tls, "plain", Secret("wrong"), token=False)
        except Exception:  # noqa: BLE001 - the refusal is what is recorded
            streams.append(
                {"server": version, "name": "sign-in refused", "token": False, "greeting": written(greeted), "answer": written(taken())}
            )
        connection = Connection(CommandPhase(stream, status), "iam", version, 1, SessionStart(autocommit=True))
        connection.session.set_up()
        connection.cursor().execute("SET SESSION sql_mode = ''")
        taken()
        for name, query in QUERIES.items():
            answers(connection, query)
            streams.append({"server": version, "name": name, "statement": query, "answer": written(taken())})
        connection.ping()
        streams.append({"server": version, "name": "ping", "answer": written(taken())})
        connection.close()
    return streams


def prepare(server: local.server.Server, types: dict[str, tuple[str, str]]) -> None:
    """Make the tables and procedures."""
    names = ", ".join(types)
    server.execute(
        "SET NAMES utf8mb4",
        "SET SESSION sql_mode = ''",
        "USE app",
        f"CREATE TABLE every_type (id INT PRIMARY KEY AUTO_INCREMENT, {', '.join(f'{name} {kind} NULL' for name, (kind, _) in types.items())})"
        " CHARACTER SET utf8mb4",
        f"INSERT INTO every_type ({names}) VALUES ({', '.join(value for _, value in types.values())})",
        "INSERT INTO every_type (id) VALUES (NULL)",
        "CREATE TABLE numbered (id INT PRIMARY KEY AUTO_INCREMENT)",
        "INSERT INTO numbered VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9)",
        "CREATE PROCEDURE three() BEGIN SELECT 1 AS a; SELECT 'x', NULL UNION SELECT 'y', 2; SELECT 3; END",
        "CREATE PROCEDURE fails_late() BEGIN SELECT 1 AS a; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'late'; END",
    )


def signed_in(
    front: local.front.Front, tls: ssl.SSLContext, user: str, secret: Secret, token: bool
) -> tuple[PacketStream, bytes, str, int]:
    """Return a signed-in stream, the bytes of its greeting, the server's version and status."""
    stream = PacketStream(socket.create_connection(("127.0.0.1", front.port)), front.host, front.port)
    greeting = receive_greeting(stream)
    greeted = stream._buffer
    taken()
    login = Login(
        user=user, secret=secret, database="app", attributes={}, tls=tls, token=token, capabilities=CAPABILITIES | MULTI_STATEMENTS
    )
    accepted = sign_in(stream, greeting, login)
    return stream, greeted, greeting.version, accepted.status


def answers(connection: Connection, query: str) -> None:
    """Run a statement and read all that it answers."""
    try:
        cursor = connection.cursor(raw=True)
        cursor.execute(query)
        while cursor.nextset():
            pass
    except connection.Error:
        assert not connection.closed


if __name__ == "__main__":
    sys.exit(main())
