"""What servers send, recorded (record_streams.py), damaged in every way, and replayed through the driver over a socket pair.

    PYTHONPATH=.:python:tests/unit .venv/bin/python tests/unit/server_streams.py SEED FIRST COUNT

replays that many damaged streams, from the number FIRST on, and exits with an error at the first that does not end as it has to. Each
stream is made from its seed and number alone, so one of them can be replayed on its own.
"""

from __future__ import annotations

import json
import random
import resource
import select
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fake_server import AUTOCOMMIT, MAX_PAYLOAD, is_one_line, ok, packets, receive
from mysql.connector.errors import Error
from rdspool import ProtocolError
from rdspool._driver.command_phase import CommandPhase
from rdspool._driver.connection import Connection
from rdspool._driver.packets import PacketStream
from rdspool._driver.session_start import SessionStart
from rdspool._driver.sign_in import CACHING_SHA2, CLEAR_PASSWORD, Login, _converse, receive_greeting
from rdspool.secret import Secret

from local.front.protocol import lenenc

FILE = Path(__file__).with_name("server_streams.json")
MOST_BYTES = 40 * 1024 * 1024
"""max_allowed_packet of the replays: two packets of 16 MiB are an answer, three are too many."""
MOST_GROWTH = 6 * MOST_BYTES
"""Bytes that the process may grow by: some copies of the largest answer, and what the allocator keeps of them."""
ZEROS = bytes(MAX_PAYLOAD)
FRESH = 987_654_321
"""The number in the answer to the command after, which nothing before it holds."""
CURSORS: list[dict[str, Any]] = [
    {},
    {"raw": True},
    {"dictionary": True},
    {"named_tuple": True},
    {"buffered": False},
    {"buffered": False, "dictionary": True},
    {"use": "callproc"},
    {"use": "variables"},
]
"""How a stream is read: the arguments of Connection.cursor(), or what else reads an answer."""


UNUSED_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""The replays leave TLS out."""


class Recorded(NamedTuple):
    """What a server sent: for a sign-in `greeting` and what followed the login, else the answer to `statement` (None: a ping)."""

    name: str
    statement: str | None
    greeting: bytes | None
    token: bool
    answer: bytes


def recorded() -> list[Recorded]:
    """Return the streams in the file."""
    return [
        Recorded(
            f"{stream['name']} ({stream['server']})",
            stream.get("statement"),
            _bytes(stream["greeting"]) if "greeting" in stream else None,
            bool(stream.get("token")),
            _bytes(stream["answer"]),
        )
        for stream in json.loads(FILE.read_text())
    ]


def _bytes(written: str) -> bytes:
    runs = (run.partition("*") for run in written.split())
    return b"".join(bytes.fromhex(part) * int(times or 1) for part, _, times in runs)


# -- replaying -----------------------------------------------------------------------------------------------------------------------


class InPieces(socket.socket):
    """A socket that gives what has arrived in pieces of these sizes."""

    sizes: Iterator[int]

    def recv(self, size: int, flags: int = 0) -> bytes:
        return super().recv(min(size, next(self.sizes)), flags)


class Outcome(NamedTuple):
    """How a replay ended."""

    values: Any
    error: Error | None
    closed: bool
    after: int | None
    """The number in the answer to one more command, None where that failed."""


class Damaged(NamedTuple):
    """What is sent in place of a recorded stream."""

    sent: bytes
    endless: int | None = None
    """The number of the first of the packets of 16 MiB that follow, each of which says that another follows."""


class Unbounded(Exception):
    """A replay that did not end as it has to."""


def replay(stream: Recorded, damage: Damaged, *, cursor: dict[str, Any] | None = None, sizes: Iterator[int] | None = None) -> Outcome:
    """Let the driver read `damage` in place of the stream. Raises what the driver raises, but for the errors of PEP 249."""
    outcome = _replay(stream, damage, cursor or {}, sizes, goes_on=False)
    if stream.greeting is not None or outcome.closed:
        return outcome
    # It ended before the server's end of the connection: once more, with a server that stays and answers one more command.
    again = _replay(stream, damage, cursor or {}, None, goes_on=True)
    if repr(again.values) != repr(outcome.values) or repr(again.error) != repr(outcome.error):
        raise Unbounded(f"two replays differ: {outcome} and {again}")
    return again


def _replay(stream: Recorded, damage: Damaged, cursor: dict[str, Any], sizes: Iterator[int] | None, *, goes_on: bool) -> Outcome:
    ours, theirs = socket.socketpair()
    if sizes is not None:
        ours = InPieces(fileno=ours.detach())
        ours.sizes = sizes
    all_sent = threading.Event()

    def serve() -> None:
        try:
            if stream.greeting is None:
                receive(theirs)
            theirs.sendall(damage.sent)
            for number in range(0 if damage.endless is None else MOST_BYTES // MAX_PAYLOAD + 2):
                theirs.sendall(b"\xff\xff\xff" + bytes((damage.endless + number & 0xFF,)))
                theirs.sendall(ZEROS)
            all_sent.set()
            if goes_on and receive(theirs) is not None:
                theirs.sendall(packets([ok(FRESH)]))
            theirs.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the driver has closed
        finally:
            all_sent.set()

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    packet_stream = PacketStream(ours, "db.test", 3306)
    packet_stream.max_allowed_packet = MOST_BYTES
    try:
        if stream.greeting is not None:
            return _sign_in(packet_stream, stream)
        connection = Connection(CommandPhase(packet_stream, AUTOCOMMIT), "app", "9.7.0", 1, SessionStart(autocommit=True))
        values, error = _use(connection, stream.statement, cursor)
        after = None
        if goes_on:
            while not connection.closed and not all_sent.wait(0.001) and not select.select([ours], [], [], 0)[0]:
                pass
            after = _one_more(connection)
        return Outcome(values, error, connection.closed, after)
    finally:
        packet_stream.close()
        serving.join()
        theirs.close()


def _sign_in(packet_stream: PacketStream, stream: Recorded) -> Outcome:
    """Sign in without TLS: two packets go out where the request for it and the login do."""
    try:
        greeting = receive_greeting(packet_stream)
        packet_stream.send(b"")
        packet_stream.send(b"")
        login = Login(user="app", secret=Secret("secret"), database=None, attributes={}, tls=UNUSED_TLS, token=stream.token)
        accepted = _converse(packet_stream, login, CLEAR_PASSWORD if stream.token else CACHING_SHA2, greeting.nonce)
    except Error as error:
        return Outcome(None, error, closed=True, after=None)
    return Outcome((greeting, accepted), None, closed=True, after=None)


def _use(connection: Connection, statement: str | None, kind: dict[str, Any]) -> tuple[Any, Error | None]:
    values: list[Any] = []
    try:
        if statement is None:
            connection.ping()
            connection._commands.drain()  # a damaged answer can promise that others follow
            return "pong", None
        if kind.get("use") == "variables":
            return connection.variables("@@a", "@@b"), None
        cursor = connection.cursor(**{name: value for name, value in kind.items() if name != "use"})
        if kind.get("use") == "callproc":
            cursor.callproc("p")
        else:
            cursor.execute(statement)
        while True:
            values.append((cursor.fetchall() if cursor.with_rows else None, cursor.rowcount, cursor.lastrowid, cursor.warning_count))
            if not cursor.nextset():
                break
        cursor.close()
    except Error as error:
        return values, error
    return values, None


def _one_more(connection: Connection) -> int | None:
    try:
        cursor = connection.cursor()
        cursor.execute("DO 1")
    except Error:
        if not connection.closed:
            raise Unbounded("the next command failed and left the connection open") from None
        return None
    return cursor.rowcount


def check(outcome: Outcome) -> None:
    """Raise Unbounded for an outcome that is none of those that a damaged stream may have."""
    if isinstance(outcome.error, ProtocolError) and not outcome.closed:
        raise Unbounded("an answer that can't be read left the connection open")
    if outcome.error is not None and not is_one_line(str(outcome.error)):
        raise Unbounded("the error's text has control characters")
    if outcome.after not in (None, FRESH):
        raise Unbounded(f"the next command got what was left over: {outcome.after}")


# -- damage --------------------------------------------------------------------------------------------------------------------------


def cut(data: bytes) -> list[bytes]:
    """Return the payloads in a stream of whole packets."""
    payloads, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 3], "little")
        payloads.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return payloads


def damaged(generator: random.Random, stream: Recorded, others: list[Recorded]) -> Damaged:
    """Return the stream with some damage, or several."""
    whole = (stream.greeting or b"") + stream.answer
    for _ in range(generator.choice([1, 1, 1, 2, 3])):
        if generator.random() < 0.5:
            payloads = cut(whole) if _is_whole(whole) else [whole]
            first = 0 if stream.greeting is not None else 1
            whole = packets(generator.choice(PAYLOADS)(generator, payloads), first)
            if stream.greeting is not None:
                whole = _numbered(whole)
        else:
            whole = generator.choice(BYTES)(generator, whole)
    roll = generator.random()
    if roll < 0.1:
        whole += generator.choice(others).answer
    elif roll < 0.103:
        before = cut(stream.answer)
        before = before[: generator.randrange(len(before) + 1)] if stream.greeting is None else []
        return Damaged(packets(before), endless=len(before) + (stream.greeting is None))
    return Damaged(whole)


def _is_whole(data: bytes) -> bool:
    at = 0
    while at + 4 <= len(data):
        at += 4 + int.from_bytes(data[at : at + 3], "little")
    return at == len(data)


def _numbered(data: bytes) -> bytes:
    """Return the packets of a sign-in with the numbers that they have there: the greeting's is 0, the client sends two."""
    payloads = cut(data)
    return packets(payloads[:1], 0) + b"".join(packets([payload], 3 + 2 * number) for number, payload in enumerate(payloads[1:]))


def _flip(generator: random.Random, data: bytes) -> bytes:
    found = bytearray(data)
    for _ in range(generator.choice([1, 1, 2, 8])):
        if found:
            found[generator.randrange(len(found))] ^= 1 << generator.randrange(8)
    return bytes(found)


def _span(generator: random.Random, data: bytes) -> tuple[int, int]:
    begin = generator.randrange(len(data) + 1)
    return begin, min(len(data), begin + generator.choice([1, 1, 2, 4, 20, 300]))


def _truncate(generator: random.Random, data: bytes) -> bytes:
    return data[: generator.randrange(len(data) + 1)]


def _delete(generator: random.Random, data: bytes) -> bytes:
    begin, end = _span(generator, data)
    return data[:begin] + data[end:]


def _duplicate(generator: random.Random, data: bytes) -> bytes:
    begin, end = _span(generator, data)
    return data[:end] + data[begin:]


def _insert(generator: random.Random, data: bytes) -> bytes:
    begin, _ = _span(generator, data)
    return data[:begin] + generator.randbytes(generator.choice([1, 2, 4, 30])) + data[begin:]


def _interesting(generator: random.Random, data: bytes) -> bytes:
    """Replace some bytes by those that mean something in the protocol."""
    begin, _ = _span(generator, data)
    new = generator.choice([b"\xff", b"\xfe", b"\xfb", b"\xfc\xff\xff", b"\xff\xff\xff", b"\0", lenenc(1 << 60), lenenc((1 << 64) - 1)])
    return data[:begin] + new + data[begin + len(new) :]


def _header(generator: random.Random, data: bytes) -> bytes:
    """Give a packet another length or number."""
    places, at = [], 0
    while at + 4 <= len(data):
        places.append(at)
        at += 4 + int.from_bytes(data[at : at + 3], "little")
    if not places:
        return data
    at = generator.choice(places)
    if generator.random() < 0.5:
        return data[: at + 3] + bytes((generator.randrange(256),)) + data[at + 4 :]
    size = int.from_bytes(data[at : at + 3], "little")
    new = generator.choice([0, 1, size + 1, max(size - 1, 0), size + 4, MAX_PAYLOAD, MAX_PAYLOAD - 1, generator.randrange(1 << 24)])
    return data[:at] + (new & MAX_PAYLOAD).to_bytes(3, "little") + data[at + 3 :]


BYTES: list[Callable[[random.Random, bytes], bytes]] = [_flip, _truncate, _delete, _duplicate, _insert, _interesting, _header]


def _one_payload(change: Callable[[random.Random, bytes], bytes]) -> Callable[[random.Random, list[bytes]], list[bytes]]:
    def changed(generator: random.Random, payloads: list[bytes]) -> list[bytes]:
        if not payloads:
            return payloads
        at = generator.randrange(len(payloads))
        return [*payloads[:at], change(generator, payloads[at]), *payloads[at + 1 :]]

    return changed


def _swap(generator: random.Random, payloads: list[bytes]) -> list[bytes]:
    found = list(payloads)
    if found:
        a, b = generator.randrange(len(found)), generator.randrange(len(found))
        found[a], found[b] = found[b], found[a]
    return found


def _drop_packet(generator: random.Random, payloads: list[bytes]) -> list[bytes]:
    at = generator.randrange(len(payloads) + 1)
    return payloads[:at] + payloads[at + 1 :]


def _double_packet(generator: random.Random, payloads: list[bytes]) -> list[bytes]:
    at = generator.randrange(len(payloads) + 1)
    return payloads[: at + 1] + payloads[at:]


def _foreign_packet(generator: random.Random, payloads: list[bytes]) -> list[bytes]:
    """Add a packet, one of those that end or begin something."""
    new = generator.choice(
        [
            b"",
            ok(1),
            ok(1, status=10),
            b"\xfe\x00\x00\x02\x00",
            b"\xfe\x00\x00\n\x00",
            b"\xfe",
            b"\xff",
            b"\xff\xe8\x03",
            b"\xfbfile",
            b"\xfb",
            b"\x01\x03",
            b"\x01\x04",
            lenenc(1 << 60),
            lenenc(4096),
            lenenc(4097),
            b"\xfemysql_native_password\x00" + b"x" * 21,
            b"\xff\xb7\x0b",
            b"\xfb" * 30,
        ]
    )
    at = generator.randrange(len(payloads) + 1)
    return [*payloads[:at], new, *payloads[at + generator.randrange(2) :]]


PAYLOADS: list[Callable[[random.Random, list[bytes]], list[bytes]]] = [
    *map(_one_payload, BYTES),
    _swap,
    _drop_packet,
    _double_packet,
    _foreign_packet,
]


def main(seed: int, first: int, count: int) -> None:
    """Replay damaged streams; the first that does not end as it has to ends this too."""
    streams = recorded()
    outcomes: dict[str, int] = {}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(first, first + count):
        generator = random.Random(f"{seed}/{number}")
        stream = generator.choice(streams)
        damage = damaged(generator, stream, streams)
        cursor = generator.choice(CURSORS)
        try:
            outcome = replay(stream, damage, cursor=cursor)
            check(outcome)
        except BaseException:
            print(f"seed {seed}, number {number}, {stream.name}, cursor {cursor}: {damage.sent[:2000].hex()}", flush=True)  # noqa: T201
            raise
        name = type(outcome.error).__name__ if outcome.error is not None else "value"
        outcomes[name] = outcomes.get(name, 0) + 1
    growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(f"seed {seed}: {count} streams, {growth >> 20} MiB more at the most, {json.dumps(outcomes)}")  # noqa: T201
    if growth > MOST_GROWTH:
        raise Unbounded(f"the process grew by {growth:,} bytes")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
