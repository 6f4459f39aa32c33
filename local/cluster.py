"""An Aurora cluster on this machine: two MySQL servers with replication, a writer endpoint, a reader endpoint, and failovers.

    with start(users={"app": "its password on the servers"}, credentials=Credentials("AKIA...", "secret")) as cluster, cluster.resolved():
        ...                              # write through cluster.host, read through cluster.reader_host, both at cluster.port
        cluster.failover(cut=True)       # both names now lead to the other server

Each server has a front on a loopback address of its own, with both names in its certificate, and accepts tokens for both: so a name can
lead to the one or the other, as on Aurora. Replication carries the rows, where Aurora shares the storage: `wait_for_reader()` waits for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from . import front, server
from .errors import LocalError
from .front import Credentials, Front
from .front.names import resolved_by
from .server import Server

HOST = "app.cluster-c1abcdefghij.eu-central-1.rds.amazonaws.com"
READER_HOST = "app.cluster-ro-c1abcdefghij.eu-central-1.rds.amazonaws.com"
_ADDRESSES = ("127.0.0.1", "127.0.0.2")
_REPLICATION_USER = "replication"
_CATCH_UP = 30  # seconds
_BINARY_LOG = ("--log-bin=binlog", "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--relay-log=relay", "--skip-replica-start")


@dataclass(frozen=True)
class Member:
    """A server of the cluster and the front before it."""

    server: Server
    front: Front


class Cluster:
    """A running cluster. `writer` and `reader` are its members by their present roles, `addresses` what its names lead to."""

    host = HOST
    reader_host = READER_HOST

    def __init__(self, writer: Member, reader: Member, replication_password: str) -> None:
        self.writer = writer
        self.reader = reader
        self.port = writer.front.port
        self.addresses: dict[str, str] = {}
        self._replication_password = replication_password
        _set_read_only(reader, True)
        self._replicate()
        self.move_names()

    def resolved(self) -> AbstractContextManager[None]:
        """Resolve the names of the cluster in this process until the block ends, always to what they lead to at that time."""
        return resolved_by(self.addresses)

    def failover(self, *, cut: bool, names: bool = True) -> None:
        """Swap the roles of the members. Nothing that was committed is lost.

        cut: close the clients' connections to both members, as when Aurora restarts them; otherwise they stay open, and the old writer
        refuses writes. names: also move the names; otherwise the test does it later with `move_names()`, as DNS lags behind.
        """
        if cut:
            self.cut()  # While clients write, some lose the answer to a COMMIT here.
        _set_read_only(self.writer, True)
        self.wait_for_reader()
        self.reader.server.execute("STOP REPLICA", "RESET REPLICA ALL")
        self.writer, self.reader = self.reader, self.writer
        _set_read_only(self.writer, False)
        self._replicate()
        if cut:
            self.cut()  # What has connected since.
        if names:
            self.move_names()

    def cut(self) -> None:
        """Close the clients' connections to both members, and wait until they are closed."""
        for member in (self.writer, self.reader):
            for connection in member.front.connections():
                # One that is open in this list may have ended since.
                if connection.open:
                    with suppress(LookupError):
                        member.front.kill(connection)
                    member.front.wait_closed(connection)

    def move_names(self) -> None:
        """Let the names lead to the members with these roles."""
        self.addresses.update({self.host: self.writer.front.address, self.reader_host: self.reader.front.address})

    def wait_for_reader(self) -> None:
        """Wait until the reader has everything that the writer has committed. Raise LocalError after 30 s."""
        [(executed,)] = self.writer.server.execute("SELECT @@GLOBAL.gtid_executed")
        [(late,)] = self.reader.server.execute(f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{executed}', {_CATCH_UP})")
        if late:
            status = self.reader.server.execute("SHOW REPLICA STATUS")
            raise LocalError(f"the reader has not caught up with the writer within {_CATCH_UP} s: {status}")

    def _replicate(self) -> None:
        source = self.writer.server
        self.reader.server.execute(
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '{source.host}', SOURCE_PORT = {source.port}, SOURCE_AUTO_POSITION = 1, "
            f"SOURCE_USER = '{_REPLICATION_USER}', SOURCE_PASSWORD = '{self._replication_password}', GET_SOURCE_PUBLIC_KEY = 1, "
            "SOURCE_CONNECT_RETRY = 1",
            "START REPLICA",
        )


@contextmanager
def start(*, users: Mapping[str, str], credentials: Credentials, **options: Any) -> Iterator[Cluster]:
    """Run a cluster until the block ends. `users` and `credentials` are those of `local.front.start`, and `options` its other ones.

    The servers start empty and without users: create them on the writer, and the reader gets them. Raise LocalError when a part is missing.
    """
    with ExitStack() as stack:
        members: list[Member] = []
        for number, address in enumerate(_ADDRESSES, start=1):
            running = stack.enter_context(server.start("mysql", options=[*_BINARY_LOG, f"--server-id={number}"]))
            # The start sets the administrator's password, which differs between the servers: it must not be replicated.
            running.execute("RESET BINARY LOGS AND GTIDS")
            port = members[0].front.port if members else 0
            made = front.start(
                running,
                users=users,
                credentials=credentials,
                host=HOST,
                aliases=[READER_HOST],
                address=address,
                port=port,
                **options,
            )
            members.append(Member(running, stack.enter_context(made)))
        password = secrets.token_urlsafe(18)
        members[0].server.execute(
            f"CREATE USER {_REPLICATION_USER}@'%' IDENTIFIED BY '{password}'", f"GRANT REPLICATION SLAVE ON *.* TO {_REPLICATION_USER}@'%'"
        )
        writer, reader = members
        yield Cluster(writer, reader, password)


def _set_read_only(member: Member, on: bool) -> None:
    # Both: without super_read_only, an administrator's statement could still write. It is switched off with read_only.
    member.server.execute(f"SET GLOBAL {'super_read_only' if on else 'read_only'} = {int(on)}")
