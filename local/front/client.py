"""A running front as its user holds it: what it counted, and what is done to its connections."""

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
from .faults import Do, When, check, to_json
from .iam import Credentials
from .records import Connection

if TYPE_CHECKING:
    from ..certificates import Authority
    from ..server import Server

HOST = "app.cluster-c1abcdefghij.eu-central-1.rds.amazonaws.com"
REGION = "eu-central-1"
_ROOT = Path(__file__).resolve().parents[2]
# What the front's process may see of this one's environment: no credentials.
_PASSED_ON = ("PATH", "HOME", "LANG", "TZ")
_CONTROL_TIMEOUT = 10.0  # seconds


class FrontError(LocalError):
    """The front could not start, is gone, or refused what it was asked for."""


@dataclass
class Count:
    """What passed the front in a `with front.count()` block; filled in at its end."""

    round_trips: int = 0
    connect_round_trips: int = 0
    command_count: int = 0
    commands: list[str] = field(default_factory=list)
    """In the order in which they came on each connection, oldest connection first."""
    connections: int = 0
    """Connections that were opened in the block."""
    bytes_in: int = 0
    bytes_out: int = 0


class Front:
    """A running front. `host` is the RDS-like name that its certificate and tokens are for; it listens on `address`:`port`."""

    address = "127.0.0.1"

    def __init__(self, *, host: str, port: int, region: str, ca_file: Path, pid: int, control: int, token: str) -> None:
        self.host = host
        self.port = port
        self.region = region
        self.ca_file = ca_file
        self.pid = pid
        self._control = control
        self._token = token

    def __repr__(self) -> str:
        return f"<Front {self.host} at {self.address}:{self.port}>"

    def connections(self) -> list[Connection]:
        """All connections since the start or the last reset, oldest first (the last 10,000 closed ones)."""
        return [Connection(**one) for one in self._ask("connections")]

    def connection(self, number: int | None = None, *, backend_id: int | None = None) -> Connection:
        """The one with this id, or with this CONNECTION_ID(), else the newest. LookupError if there is none."""
        found = [one for one in self.connections() if number in (None, one.id) and backend_id in (None, one.backend_id)]
        if not found:
            raise LookupError(f"{self!r} knows no connection with id {number}, CONNECTION_ID() {backend_id}")
        return found[-1]

    def totals(self) -> dict[str, int]:
        """Sums over all connections since the start or the last reset, and how many are open."""
        totals: dict[str, int] = self._ask("totals")
        return totals

    def reset(self) -> None:
        """Forget closed connections and starts the counts of open ones again. Faults stay."""
        self._ask("reset")

    @contextmanager
    def count(self) -> Iterator[Count]:
        """Count what passes in the block, exactly if all answers have been received at its begin and end."""
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
        """Wait until the condition holds; TimeoutError after `timeout` seconds."""
        end = time.monotonic() + timeout
        while not condition(self):
            if time.monotonic() > end:
                raise TimeoutError(f"{self!r}: not within {timeout} s; its connections: {self.connections()}")
            time.sleep(0.005)

    def wait_closed(self, connection: Connection, timeout: float = 5.0) -> Connection:
        """The record of a connection once it has ended: the front sees a client's close a moment after it."""
        self.wait(lambda front: not front.connection(connection.id).open, timeout)
        return self.connection(connection.id)

    def fault(self, *, when: When, do: Do, times: int | None = 1, after: int = 0) -> int:
        """Make `do` happen at the next `times` (None: all) moments that match `when`, after the first `after`. Returns the rule's id."""
        check(when, do)
        number: int = self._ask("fault", when=to_json(when), do=to_json(do), times=times, after=after)
        return number

    def faults(self) -> list[dict[str, Any]]:
        """The rules with their `hits` so far."""
        rules: list[dict[str, Any]] = self._ask("faults")
        return rules

    def clear_faults(self, rule: int | None = None) -> None:
        """Remove one rule; or all of them and the delay."""
        self._ask("clear_faults", number=rule)

    def delay(self, seconds: float) -> None:
        """Hold every answer for so many seconds from now on, as a network would: in the sign-in too, and pipelined ones together."""
        self._ask("delay", seconds=seconds)

    def clock(self, ahead: float) -> None:
        """Set the clock that tokens are checked by so many seconds ahead of this machine's."""
        self._ask("clock", ahead=ahead)

    def kill(self, connection: Connection | int, *, reset: bool = False) -> None:
        """Close the client's connection: with a FIN (and no close_notify, as MySQL does), or with a RST. LookupError if it is not open."""
        self._ask("kill", connection=_id(connection), reset=reset)

    def blackhole(self, connection: Connection | int) -> None:
        """Swallow everything from now on and sends nothing, no FIN either, as a peer that was lost."""
        self._ask("blackhole", connection=_id(connection))

    def notify(
        self, connection: Connection | int, code: int, *, sqlstate: str | None = None, message: str | None = None, close: bool = True
    ) -> None:
        """Send an ERR packet that nobody asked for (4031 to an idle client, 1053 at a shutdown), then closes, or else goes silent."""
        self._ask("notify", connection=_id(connection), code=code, sqlstate=sqlstate, message=message, close=close)

    def stop_listening(self) -> None:
        """Refuse new connections; open ones stay."""
        self._ask("stop_listening")

    def listen_again(self) -> None:
        """Listen on the same port again."""
        self._ask("listen_again")

    def _ask(self, verb: str, **arguments: Any) -> Any:
        connection = http.client.HTTPConnection(self.address, self._control, timeout=_CONTROL_TIMEOUT)
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
        raise problem_kind(f"{self!r} refuses {verb}: {answer['error']}")


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
) -> Iterator[Front]:
    """Run a front before `server` in a process of its own for as long as the block lasts.

    `users`: IAM users and their passwords on the server; all others sign in with their own password. `port`: 0 for a free one.
    `token_port`: the port that tokens are for, where it is not the one that the front listens on.

    A server to be refused: `authority` another than the one that the client trusts, `names` another certificate's, `expired`.
    `tickets=False`: no TLS session is ever resumed. `curve` (say secp384r1): a client that guesses another group gets a hello retry.
    `direct_clear_password`: a token that comes with the login is taken there, as servers do, without being asked for.
    `backend_tcp`: over TCP with TLS even where the server has a unix socket, for users that REQUIRE SSL. FrontError if it does not start.
    """
    if authority is None:
        from ..cache import cache_dir
        from ..certificates import authority as kept_authority

        authority = kept_authority(cache_dir() / "authority")
    certificate, key = authority.issue(list(names) if names else [host], expired=expired)
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
        "backend": {
            "host": server.host,
            "port": server.port,
            "socket": None if backend_tcp or server.socket is None else str(server.socket),
        },
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "local.front"],
        cwd=_ROOT,
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C at a terminal is for this process, which then ends the front in its own time.
        start_new_session=True,
    )
    stdin, stdout = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
    try:
        # A broken pipe: it says why on its standard output, or on stderr.
        with suppress(BrokenPipeError):
            stdin.write(json.dumps(config) + "\n")
            stdin.flush()
        ready: dict[str, Any] = json.loads(stdout.readline() or "{}")
        if "port" not in ready:
            raise FrontError(
                ready.get("error") or f"the front's process ended with status {process.wait(10)} at its start; see its stderr."
            )
        yield Front(
            host=host, port=ready["port"], region=region, ca_file=authority.ca, pid=process.pid, control=ready["control"], token=token
        )
    finally:
        # A broken pipe: it has ended by itself.
        with suppress(BrokenPipeError):
            stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        stdout.close()
