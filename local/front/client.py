"""Start a front, read its counts, set faults, and control its connections."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from ..errors import LocalError
from ..fault_rules import to_json
from .faults import Do, When, check
from .iam import Credentials
from .names import LOOPBACK
from .proxy import Proxy
from .records import Connection

if TYPE_CHECKING:
    from ..certificates import Authority
    from ..server import Server

HOST = "app.cluster-c1abcdefghij.eu-central-1.rds.amazonaws.com"
REGION = "eu-central-1"
_ROOT = Path(__file__).resolve().parents[2]
# The variables that the front's process inherits. They contain no credentials.
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ")
_CONTROL_TIMEOUT = 10.0  # seconds


class FrontError(LocalError):
    """The front could not start, has ended, or rejected a request."""


@dataclass
class Count:
    """The traffic in a `with front.count()` block. The values are set at the end of the block."""

    round_trips: int = 0
    connect_round_trips: int = 0
    command_count: int = 0
    commands: list[str] = field(default_factory=list)
    """In the order of arrival per connection, oldest connection first."""
    connections: int = 0
    """The number of connections that were opened in the block."""
    bytes_in: int = 0
    bytes_out: int = 0


class Front:
    """A running front. `host` is the RDS-like name in its certificate and tokens. It listens on `address`:`port`."""

    def __init__(
        self, *, host: str, address: str, port: int, region: str, ca_file: Path, pid: int, control: int, token: str, backend_tcp: bool
    ) -> None:
        self.host = host
        self.address = address
        self.port = port
        self.region = region
        self.ca_file = ca_file
        self.pid = pid
        self._control = control
        self._token = token
        self._backend_tcp = backend_tcp

    def __repr__(self) -> str:
        return f"<Front {self.host} at {self.address}:{self.port}>"

    def connections(self) -> list[Connection]:
        """Return all connections since the start or the last reset, oldest first. At most 10,000 closed ones are kept."""
        return [Connection(**one) for one in self._ask("connections")]

    def connection(self, number: int | None = None, *, backend_id: int | None = None) -> Connection:
        """Return the connection with this id or this CONNECTION_ID(), or by default the newest. Raise LookupError when there is none."""
        found = [one for one in self.connections() if number in (None, one.id) and backend_id in (None, one.backend_id)]
        if not found:
            raise LookupError(f"{self!r} has no connection with id {number}, CONNECTION_ID() {backend_id}")
        return found[-1]

    def totals(self) -> dict[str, int]:
        """Return the sums over all connections since the start or the last reset, and the number of open ones."""
        totals: dict[str, int] = self._ask("totals")
        return totals

    def proxy(self) -> dict[str, int]:
        """Return the number of a proxy's server connections: "open", "idle", and "most" at once; and of the clients "waiting" for one.

        Raise LookupError without `proxy`.
        """
        proxy: dict[str, int] = self._ask("proxy")
        return proxy

    def lead_to(self, server: Server | None) -> None:
        """Let a proxy connect to `server` from now on, as in a failover; to none with None. Raise LookupError without `proxy`.

        Its connections to the former server are closed, and so are those of the clients that use one. The other clients stay connected,
        and wait for a server when they ask for something.
        """
        self._ask("lead_to", backend=None if server is None else _backend(server, tcp=self._backend_tcp))

    def reset(self) -> None:
        """Delete closed connections and reset the counts of open ones. Faults are kept."""
        self._ask("reset")

    @contextmanager
    def count(self) -> Iterator[Count]:
        """Count the traffic in the block. The counts are exact if no answer is outstanding at its start and end."""
        before = {one.id: one for one in self.connections()}
        count = Count()
        yield count
        for now in self.connections():
            then = before.get(now.id)
            count.connections += then is None
            for name in ("round_trips", "connect_round_trips", "command_count", "bytes_in", "bytes_out"):
                setattr(count, name, getattr(count, name) + getattr(now, name) - (getattr(then, name) if then else 0))
            new = now.command_count - (then.command_count if then else 0)
            count.commands += now.commands[max(0, len(now.commands) - new) :]

    def wait(self, condition: Callable[[Front], bool], timeout: float = 5.0) -> None:
        """Wait until `condition` is true. Raise TimeoutError after `timeout` seconds."""
        end = time.monotonic() + timeout
        while not condition(self):
            if time.monotonic() > end:
                raise TimeoutError(f"{self!r}: the condition was not true within {timeout} s; the connections: {self.connections()}")
            time.sleep(0.005)

    def wait_closed(self, connection: Connection, timeout: float = 5.0) -> Connection:
        """Wait until the front has seen the end of a connection, and return its record. Raise TimeoutError after `timeout` seconds."""
        self.wait(lambda front: not front.connection(connection.id).open, timeout)
        return self.connection(connection.id)

    def fault(self, *, when: When, do: Do, times: int | None = 1, after: int = 0) -> int:
        """Apply the fault `do` to the next `times` (None: all) events that match `when`, after the first `after`. Return the rule's id.

        Raise ValueError when `do` can't be applied to `when`.
        """
        check(when, do)
        number: int = self._ask("fault", when=to_json(when), do=to_json(do), times=times, after=after)
        return number

    def faults(self) -> list[dict[str, Any]]:
        """Return the rules, each with the number of its `hits`."""
        rules: list[dict[str, Any]] = self._ask("faults")
        return rules

    def clear_faults(self, rule: int | None = None) -> None:
        """Remove one rule, or by default all rules and the delay."""
        self._ask("clear_faults", number=rule)

    def delay(self, seconds: float) -> None:
        """Delay every answer by `seconds` from now on, like a network: also during sign-in, and pipelined answers together."""
        self._ask("delay", seconds=seconds)

    def clock(self, ahead: float) -> None:
        """Set the clock for the check of tokens `ahead` seconds ahead of this machine's clock."""
        self._ask("clock", ahead=ahead)

    def kill(self, connection: Connection | int, *, reset: bool = False) -> None:
        """Close the client's connection, with a FIN (and without close_notify, like MySQL) or with a RST.

        Raise LookupError when it is not open.
        """
        self._ask("kill", connection=_id(connection), reset=reset)

    def blackhole(self, connection: Connection | int) -> None:
        """Read everything and send nothing from now on, also no FIN, like a lost peer. Raise LookupError when it is not open."""
        self._ask("blackhole", connection=_id(connection))

    def notify(
        self, connection: Connection | int, code: int, *, sqlstate: str | None = None, message: str | None = None, close: bool = True
    ) -> None:
        """Send an unsolicited ERR packet (such as 4031 to an idle client, or 1053 at a shutdown), then close, or stay silent.

        Raise LookupError when the connection is not open.
        """
        self._ask("notify", connection=_id(connection), code=code, sqlstate=sqlstate, message=message, close=close)

    def stop_listening(self) -> None:
        """Refuse new connections. Open ones are kept."""
        self._ask("stop_listening")

    def listen_again(self) -> None:
        """Listen on the same port again."""
        self._ask("listen_again")

    def _ask(self, verb: str, **arguments: Any) -> Any:
        connection = http.client.HTTPConnection(LOOPBACK, self._control, timeout=_CONTROL_TIMEOUT)
        try:
            connection.request("POST", f"/{verb}", json.dumps(arguments), {"Authorization": f"Bearer {self._token}"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException) as problem:
            raise FrontError(
                f"{self!r} does not answer on its control channel: {problem}. Its process ({self.pid}) may have ended."
            ) from problem
        finally:
            connection.close()
        if response.status == http.HTTPStatus.OK:
            return answer["answer"]
        problem_kind = LookupError if response.status == http.HTTPStatus.CONFLICT else FrontError
        raise problem_kind(f"{self!r} rejects {verb}: {answer['error']}")


def _backend(server: Server, *, tcp: bool) -> dict[str, Any]:
    """Return the fields of the front's `Address` of a server."""
    return {"host": server.host, "port": server.port, "socket": None if tcp or server.socket is None else str(server.socket)}


def _id(connection: Connection | int) -> int:
    return connection if isinstance(connection, int) else connection.id


@contextmanager
def start(
    server: Server,
    *,
    users: Mapping[str, str],
    credentials: Credentials,
    region: str = REGION,
    host: str = HOST,
    aliases: Sequence[str] = (),
    address: str = LOOPBACK,
    authority: Authority | None = None,
    port: int = 0,
    token_port: int | None = None,
    names: Sequence[str] | None = None,
    expired: bool = False,
    tls_versions: tuple[str, str] = ("1.2", "1.3"),
    tickets: bool = True,
    curve: str | None = None,
    require_tls: bool = False,
    direct_clear_password: bool = True,
    backend_tcp: bool = False,
    proxy: Proxy | None = None,
) -> Iterator[Front]:
    """Run a front before `server` in a separate process until the block ends. Raise FrontError when it does not start.

    aliases: other names of the endpoint, in its certificate and in tokens. address: the loopback address that it listens on.
    users: IAM users and their passwords on the server; other users sign in with their own password. port: 0 for a free one.
    token_port: the port in the tokens, if it differs from the front's port.
    authority, names, expired: for servers that a client must reject: an unknown authority, other names in the certificate, an expired one.
    tickets: False disables TLS session resumption. curve (such as secp384r1): a client that guesses another group gets a hello retry.
    require_tls: refuse a sign-in without TLS. direct_clear_password: accept a token in the login packet, as servers do.
    proxy: share a few server connections between all clients, like RDS Proxy. It has no faults of commands.
    backend_tcp: connect to the server over TCP with TLS even if it has a unix socket, for users that REQUIRE SSL.
    """
    if authority is None:
        from ..cache import cache_dir
        from ..certificates import authority as kept_authority

        authority = kept_authority(cache_dir() / "authority")
    certificate, key = authority.issue(list(names) if names else [host, *aliases], expired=expired)
    token = secrets.token_urlsafe(24)
    config = {
        "port": port,
        "token_port": token_port,
        "token": token,
        "parent": os.getpid(),
        "users": dict(users),
        "credentials": asdict(credentials),
        "region": region,
        "host": host,
        "aliases": list(aliases),
        "proxy": asdict(proxy) if proxy is not None else None,
        "address": address,
        "direct_clear_password": direct_clear_password,
        "require_tls": require_tls,
        "tls": {
            "certificate": str(certificate),
            "key": str(key),
            "lowest": tls_versions[0],
            "highest": tls_versions[1],
            "tickets": tickets,
            "curve": curve,
        },
        "backend": _backend(server, tcp=backend_tcp),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "local.front"],
        cwd=_ROOT,
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # In a new session, Ctrl-C reaches only this process, which then ends the front.
        start_new_session=True,
    )
    stdin, stdout = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
    try:
        # After a broken pipe, the process has printed the reason on stdout or stderr.
        with suppress(BrokenPipeError):
            stdin.write(json.dumps(config) + "\n")
            stdin.flush()
        ready: dict[str, Any] = json.loads(stdout.readline() or "{}")
        if "port" not in ready:
            raise FrontError(ready.get("error") or f"the front's process ended with status {process.wait(10)} at its start; see stderr.")
        yield Front(
            host=host,
            address=address,
            port=ready["port"],
            region=region,
            ca_file=authority.ca,
            pid=process.pid,
            control=ready["control"],
            token=token,
            backend_tcp=backend_tcp,
        )
    finally:
        # A broken pipe means that the process has ended.
        with suppress(BrokenPipeError):
            stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        stdout.close()
