"""What the front knows of each connection: `Record` while it counts, `Connection` as a client of the front sees it.

Every count is brought up to date before the bytes that it counts are sent on: who holds an answer in hand finds that answer's
round trip and command in the record, while the connection is open too. Only what gets no answer (COM_QUIT, COM_STMT_CLOSE) and the
end of a connection are seen a moment later than the client did them.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field, fields
from typing import Any

KEPT_COMMANDS = 1000
"""Names of a connection's last commands that are kept; `command_count` counts all."""
KEPT_CONNECTIONS = 10_000
"""Closed connections that are kept; the totals count all."""


@dataclass(frozen=True)
class Connection:
    """A connection to the front as it was when it was asked for. Times are seconds since the epoch, bytes those of the raw socket."""

    id: int
    peer: str
    """The client's address:port."""
    opened: float
    backend_id: int | None = None
    """What SELECT CONNECTION_ID() answers; the greeting carries it too."""
    user: str = ""
    database: str = ""
    client_plugin: str = ""
    """The authentication plugin that the client's login names."""
    attributes: dict[str, str] = field(default_factory=dict)
    capabilities: int = 0
    """The capability bits of the client's login."""
    sign_in: str = ""
    """"iam", "password" or "refused"; empty while it is under way, or where the client went away in it."""
    refusal: str = ""
    """Why it was refused, which the client is not told."""
    token_bytes: int = 0
    tls_version: str | None = None
    tls_resumed: bool = False
    tls_error: str = ""
    hello_retries: int = 0
    """TLS handshakes' second ClientHellos: not among the round trips."""
    round_trips: int = 0
    """Answers: each time the server sends after the client had sent. TCP's own are not counted, nor what gets no answer (COM_QUIT)."""
    connect_round_trips: int = 0
    """Those of them up to the sign-in's OK or ERR."""
    command_count: int = 0
    commands: list[str] = field(default_factory=list)
    """The last 1,000 commands' names, such as "QUERY SELECT 1" or "PING"."""
    bytes_in: int = 0
    bytes_out: int = 0
    signed_in: float | None = None
    closed: float | None = None
    closed_by: str = ""
    """Who ended it first: "client", "server" or "front"."""
    error: str = ""
    """What went wrong on the way to the backend or in the protocol."""

    @property
    def open(self) -> bool:
        return self.closed is None

    @property
    def query_round_trips(self) -> int:
        """The round trips after the sign-in."""
        return self.round_trips - self.connect_round_trips


_COUNTED = ("hello_retries", "round_trips", "connect_round_trips", "command_count", "bytes_in", "bytes_out")
# Without what Record keeps in another form, or computes.
_COPIED = tuple(f.name for f in fields(Connection) if f.name != "commands")


class Record:
    """One connection's counts while it runs; the meter of its raw socket. Only its own thread writes to it."""

    def __init__(self, number: int, peer: str) -> None:
        empty = asdict(Connection(number, peer, time.time()))
        self.values: dict[str, Any] = {name: empty[name] for name in _COPIED}
        self._commands: deque[str] = deque(maxlen=KEPT_COMMANDS)
        self._signing_in = True
        self._asked = False
        self._silent_yet = True

    def set(self, **values: Any) -> None:
        """Set fields of Connection."""
        unknown = values.keys() - self.values.keys()
        if unknown:
            raise KeyError(f"Connection has no {min(unknown)}")
        self.values.update(values)

    def received(self, size: int) -> None:
        self.values["bytes_in"] += size
        self._asked = True

    def sending(self, size: int, hello_retry: bool) -> bool:
        values = self.values
        values["bytes_out"] += size
        begins = self._asked or self._silent_yet
        if self._asked:
            self._asked = False
            if hello_retry:
                values["hello_retries"] += 1
            else:
                values["round_trips"] += 1
                if self._signing_in:
                    values["connect_round_trips"] += 1
        self._silent_yet = False
        return begins

    def connected(self) -> None:
        """What is sent from now on comes after the sign-in."""
        self._signing_in = False

    def command(self, name: str) -> None:
        self.values["command_count"] += 1
        self._commands.append(name)

    def end(self, closed_by: str) -> None:
        """The first who ended it stays the one who did."""
        if not self.values["closed_by"]:
            self.values["closed_by"] = closed_by

    def zero(self) -> None:
        """Start its counts again."""
        for name in _COUNTED:
            self.values[name] = 0
        self._commands.clear()

    def snapshot(self) -> dict[str, Any]:
        """The fields of Connection."""
        return {**self.values, "commands": list(self._commands)}


class Records:
    """All connections of a front, in the order in which they came."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._open: dict[int, Record] = {}
        self._closed: deque[Record] = deque(maxlen=KEPT_CONNECTIONS)
        self._forgotten = dict.fromkeys(("connections", *_COUNTED), 0)

    def new(self, peer: str) -> Record:
        with self._lock:
            record = Record(next(self._numbers), peer)
            self._open[record.values["id"]] = record
            return record

    def close(self, record: Record) -> None:
        with self._lock:
            record.set(closed=time.time())
            self._open.pop(record.values["id"], None)
            if len(self._closed) == KEPT_CONNECTIONS:
                self._add(self._forgotten, self._closed[0])
            self._closed.append(record)

    def snapshots(self) -> list[dict[str, Any]]:
        with self._lock:
            return sorted((record.snapshot() for record in (*self._closed, *self._open.values())), key=lambda one: int(one["id"]))

    def totals(self) -> dict[str, int]:
        """Sums over all connections since the start or the last reset, those that are forgotten too."""
        with self._lock:
            sums = dict(self._forgotten)
            for record in (*self._closed, *self._open.values()):
                self._add(sums, record)
            return {**sums, "open": len(self._open)}

    def reset(self) -> None:
        """Forget closed connections and starts the counts of open ones again."""
        with self._lock:
            self._closed.clear()
            self._forgotten = dict.fromkeys(self._forgotten, 0)
            for record in self._open.values():
                record.zero()

    @staticmethod
    def _add(sums: dict[str, int], record: Record) -> None:
        sums["connections"] += 1
        for name in _COUNTED:
            sums[name] += record.values[name]
