"""The counts of each connection: `Record` in the front's process, `Connection` for users of the front.

The front updates a count before it sends the counted bytes on. So a client that has received an answer finds its round trip and
command in the record, even while the connection is open. Only commands without an answer (COM_QUIT, COM_STMT_CLOSE) and the end of a
connection are recorded a moment after the client's action.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field, fields
from typing import Any

KEPT_COMMANDS = 1000
"""Maximum number of command names per connection. `command_count` counts all commands."""
KEPT_CONNECTIONS = 10_000
"""Maximum number of closed connections. The totals count all."""


@dataclass(frozen=True)
class Connection:
    """A snapshot of a connection to the front. Times are in seconds since the epoch. Bytes are counted on the raw socket."""

    id: int
    peer: str
    """The client's address:port."""
    opened: float
    backend_id: int | None = None
    """The result of SELECT CONNECTION_ID(), from the greeting."""
    user: str = ""
    database: str = ""
    client_plugin: str = ""
    """The authentication plugin in the client's login."""
    attributes: dict[str, str] = field(default_factory=dict)
    capabilities: int = 0
    """The capability bits of the client's login."""
    sign_in: str = ""
    """"iam", "password" or "refused"; empty before its end, or if the client disconnected during it."""
    refusal: str = ""
    """Why the sign-in was refused. The client does not get this reason."""
    token_bytes: int = 0
    tls_version: str | None = None
    tls_resumed: bool = False
    tls_error: str = ""
    hello_retries: int = 0
    """Hello retries of TLS handshakes. They are not counted as round trips."""
    round_trips: int = 0
    """How often the server sent after the client had sent. TCP's own round trips and commands without an answer (COM_QUIT) are not counted."""
    connect_round_trips: int = 0
    """The round trips up to the OK or ERR of the sign-in."""
    command_count: int = 0
    commands: list[str] = field(default_factory=list)
    """The names of the last 1,000 commands, such as "QUERY SELECT 1" or "PING"."""
    bytes_in: int = 0
    bytes_out: int = 0
    signed_in: float | None = None
    pinned: str = ""
    """Why a proxy has pinned the connection; empty if it has not."""
    server_connections: list[int] = field(default_factory=list)
    """The server connections that a proxy has used for the connection, by their CONNECTION_ID(), in order."""
    closed: float | None = None
    closed_by: str = ""
    """Who ended the connection: "client", "server" or "front"."""
    error: str = ""
    """An error of the backend's connection or of the protocol."""

    @property
    def open(self) -> bool:
        return self.closed is None

    @property
    def query_round_trips(self) -> int:
        """The round trips after the sign-in."""
        return self.round_trips - self.connect_round_trips


_COUNTED = ("hello_retries", "round_trips", "connect_round_trips", "command_count", "bytes_in", "bytes_out")
# Without the field that Record stores in another form.
_COPIED = tuple(f.name for f in fields(Connection) if f.name != "commands")


class Record:
    """The counts of a running connection, and the meter of its raw socket. Only the connection's thread writes to it."""

    def __init__(self, number: int, peer: str) -> None:
        empty = asdict(Connection(number, peer, time.time()))
        self.values: dict[str, Any] = {name: empty[name] for name in _COPIED}
        self._commands: deque[str] = deque(maxlen=KEPT_COMMANDS)
        self._signing_in = True
        self._asked = False
        self._silent_yet = True

    def set(self, **values: Any) -> None:
        """Set fields of Connection. Raise KeyError for an unknown one."""
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
        """Record the end of the sign-in, so that later round trips are not part of the connect."""
        self._signing_in = False

    def command(self, name: str) -> None:
        self.values["command_count"] += 1
        self._commands.append(name)

    def end(self, closed_by: str) -> None:
        """Record who ended the connection. Only the first call has an effect."""
        if not self.values["closed_by"]:
            self.values["closed_by"] = closed_by

    def zero(self) -> None:
        """Reset the counts."""
        for name in _COUNTED:
            self.values[name] = 0
        self._commands.clear()

    def snapshot(self) -> dict[str, Any]:
        """Return the fields of Connection."""
        return {**self.values, "commands": list(self._commands)}


class Records:
    """All connections of a front, in the order of their arrival."""

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
        """Return the sums over all connections since the start or the last reset, including those that are no longer kept."""
        with self._lock:
            sums = dict(self._forgotten)
            for record in (*self._closed, *self._open.values()):
                self._add(sums, record)
            return {**sums, "open": len(self._open)}

    def reset(self) -> None:
        """Delete closed connections and reset the counts of open ones."""
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
