"""A server of a few lines at the other end of a socket pair: it answers each command as a test has written it down."""

from __future__ import annotations

import contextlib
import socket
import threading
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from local.front.protocol import error, lenenc, lenenc_bytes

MAX_PAYLOAD = 0xFFFFFF

IN_TRANSACTION = 0x0001
AUTOCOMMIT = 0x0002
MORE_RESULTS = 0x0008

QUIT = b"\x01"
QUERY = b"\x03"
PING = b"\x0e"
RESET_CONNECTION = b"\x1f"

VAR_STRING = 253
LONGLONG = 8
BINARY = 63
UTF8MB4 = 45

Answer = bytes | list[bytes] | Callable[[socket.socket], None]
"""Bytes are sent as they are, a list of payloads as packets with the numbers from 1 on, a function does what it wants with the socket."""


def packets(payloads: Iterable[bytes], first: int = 1) -> bytes:
    """Return the payloads as packets, several for one of 16 MiB or more; their sequence begins with the number `first`."""
    parts = []
    number = first
    for whole in payloads:
        payload = whole
        while len(payload) >= MAX_PAYLOAD:
            parts += [b"\xff\xff\xff", bytes((number & 0xFF,)), payload[:MAX_PAYLOAD]]
            payload = payload[MAX_PAYLOAD:]
            number += 1
        parts += [len(payload).to_bytes(3, "little"), bytes((number & 0xFF,)), payload]
        number += 1
    return b"".join(parts)


def ok(affected: int = 0, last_id: int = 0, *, status: int = AUTOCOMMIT, warnings: int = 0, info: bytes = b"") -> bytes:
    """Return an OK packet's payload."""
    return b"\0" + lenenc(affected) + lenenc(last_id) + status.to_bytes(2, "little") + warnings.to_bytes(2, "little") + info


def end(*, status: int = AUTOCOMMIT, warnings: int = 0) -> bytes:
    """Return an EOF packet's payload."""
    return b"\xfe" + warnings.to_bytes(2, "little") + status.to_bytes(2, "little")


def refusal(number: int = 1064, message: str = "no", state: str = "42000") -> bytes:
    """Return an ERR packet's payload."""
    return error(number, state, message)


def column(name: str = "v", kind: int = VAR_STRING, *, flags: int = 0, charset: int = UTF8MB4) -> bytes:
    """Return the payload that describes a column."""
    texts = b"".join(map(lenenc_bytes, (b"def", b"app", b"t", b"t", name.encode(), name.encode())))
    fixed = charset.to_bytes(2, "little") + (1020).to_bytes(4, "little") + bytes((kind,)) + flags.to_bytes(2, "little") + b"\0\0\0"
    return texts + b"\x0c" + fixed


def row(*values: bytes | None) -> bytes:
    """Return a row's payload; None is NULL."""
    return b"".join(b"\xfb" if value is None else lenenc_bytes(value) for value in values)


def result(columns: list[bytes], rows: Iterable[bytes], *, status: int = AUTOCOMMIT, warnings: int = 0) -> list[bytes]:
    """Return the payloads of a whole result: number of columns, columns, their end, rows, their end."""
    return [lenenc(len(columns)), *columns, end(status=status), *rows, end(status=status, warnings=warnings)]


def numbers(*values: int, status: int = AUTOCOMMIT) -> list[bytes]:
    """Return the payloads of a result with one column of numbers, `n`."""
    return result([column("n", LONGLONG, charset=BINARY)], [row(b"%d" % value) for value in values], status=status)


def ended_by_ok(payloads: Iterable[bytes]) -> Iterator[bytes]:
    """Return the payloads of an answer as a server sends them where OK packets end the rows (the capability DEPRECATE_EOF)."""
    columns, place = 0, "begin"
    for payload in payloads:
        is_end = payload[:1] == b"\xfe" and len(payload) == 5
        if place == "columns":
            columns -= 1
            place = "columns" if columns else "behind the columns"
        elif place == "behind the columns":
            place = "rows"
            if is_end:
                continue
        elif place == "rows" and is_end:
            status, warnings = int.from_bytes(payload[3:], "little"), int.from_bytes(payload[1:3], "little")
            yield b"\xfe" + ok(status=status, warnings=warnings)[1:]
            place = "begin"
            continue
        elif place == "begin" and payload and payload[0] not in (0x00, 0xFB, 0xFF):
            columns, place = int.from_bytes(payload[:1] if payload[0] < 0xFB else payload[1:], "little"), "columns"
        yield payload


def close(connected: socket.socket) -> None:
    """Close the connection in place of an answer."""
    connected.shutdown(socket.SHUT_RDWR)


def silence(connected: socket.socket) -> None:
    """Give no answer."""


def is_one_line(text: str) -> bool:
    """Return whether a text can go into a log: no control character, no line's end of any kind."""
    return not any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text)


class FakeServer:
    """Reads commands from a socket in a thread and gives to each the next of its answers; to one too many it closes the connection."""

    def __init__(self, connected: socket.socket, answers: Iterable[Answer] = (), *, ok_ends_rows: bool = False) -> None:
        self.ok_ends_rows = ok_ends_rows
        """Whether lists of payloads, written with EOF packets, are sent with OK packets in their place."""
        self.commands: list[bytes] = []
        """The payloads that came."""
        self.answers = deque(answers)
        self._socket = connected
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def will_answer(self, *answers: Answer) -> None:
        """Add answers."""
        self.answers.extend(answers)

    def framed(self, payloads: Iterable[bytes]) -> bytes:
        """Return the bytes of an answer as this server sends it: rows end as its client has asked for."""
        return packets(ended_by_ok(payloads) if self.ok_ends_rows else payloads)

    def send(self, data: bytes) -> None:
        """Send bytes that the client has not asked for."""
        self._socket.sendall(data)

    @property
    def statements(self) -> list[bytes]:
        """The statements that came, without the other commands."""
        return [command[1:] for command in self.commands if command[:1] == QUERY]

    def wait(self) -> list[bytes]:
        """Wait until the client has closed or said goodbye, and return all commands."""
        self._thread.join()
        return self.commands

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):  # the client was first
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        try:
            while (command := receive(self._socket)) is not None:
                self.commands.append(command)
                if command == QUIT:
                    return
                answer = self.answers.popleft() if self.answers else close
                if callable(answer):
                    answer(self._socket)
                elif isinstance(answer, bytes):
                    self._socket.sendall(answer)
                else:
                    self._socket.sendall(self.framed(answer))
        except OSError:
            return  # the client has closed in the middle of an answer


def receive(connected: socket.socket) -> bytes | None:
    """Return the next payload, whole; None at the end."""
    payload = b""
    while (packet := receive_packet(connected)) is not None:
        payload += packet[1]
        if len(packet[1]) != MAX_PAYLOAD:
            return payload
    return None


def receive_packet(connected: socket.socket) -> tuple[int, bytes] | None:
    """Return the next packet's number and payload; None at the end."""
    header = _exactly(connected, 4)
    payload = None if header is None else _exactly(connected, int.from_bytes(header[:3], "little"))
    return None if header is None or payload is None else (header[3], payload)


def _exactly(connected: socket.socket, size: int) -> bytes | None:
    parts = []
    while size:
        part = connected.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
