"""An Aurora cluster on this machine: two MySQL servers with replication, a writer endpoint, a reader endpoint, and failovers.

    with start(users={"app": "its password on the servers"}, credentials=Credentials("AKIA...", "secret")) as cluster, cluster.resolved():
        ...                              # write through cluster.host, read through cluster.reader_host, both at cluster.port
        cluster.failover(cut=True)       # both names now lead to the other server

Each server has a front on a loopback address of its own, with both names in its certificate, and accepts tokens for both: so a name can
lead to the one or the other, as on Aurora. Replication carries the rows, where Aurora shares the storage: `wait_for_reader()` waits for it.

`start(..., proxy=Proxy(connections=10))` adds an RDS Proxy before the writer, `cluster.proxy`. Its name does not move in a failover: the
proxy connects to the new writer.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from . import front, server
from .errors import LocalError
from .front import Credentials, Front, Proxy
from .front.names import resolved_by
from .server import Server

HOST = "app.cluster-c1abcdefghij.eu-central-1.rds.amazonaws.com"
READER_HOST = "app.cluster-ro-c1abcdefghij.eu-central-1.rds.amazonaws.com"
PROXY_HOST = "app.proxy-c1abcdefghij.eu-central-1.rds.amazonaws.com"
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
    """A running cluster. `writer` and `reader` are its members by their present roles, `addresses` what its names lead to.

    `proxy` is the RDS Proxy before the writer, if `start` was asked for one.
    """

    host = HOST
    reader_host = READER_HOST

    def __init__(self, writer: Member, reader: Member, replication_password: str, proxy: Front | None) -> None:
        self.writer = writer
        self.reader = reader
        self.proxy = proxy
        self.port = writer.front.port
        self.addresses: dict[str, str] = {} if proxy is None else {proxy.host: proxy.address}
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

        Both are nothing to the clients of the proxy: those in a transaction or a statement are disconnected, and those that ask for
        something meanwhile wait for the new writer.
        """
        if self.proxy is not None:
            self.proxy.lead_to(None)
        if cut:
            self.cut()  # While clients write, some lose the answer to a COMMIT here.
        _set_read_only(self.writer, True)
        self.wait_for_reader()
        self.reader.server.execute("STOP REPLICA", "RESET REPLICA ALL")
        self.writer, self.reader = self.reader, self.writer
        _set_read_only(self.writer, False)
        if self.proxy is not None:
            self.proxy.lead_to(self.writer.server)
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
def start(*, users: Mapping[str, str], credentials: Credentials, proxy: Proxy | None = None, **options: Any) -> Iterator[Cluster]:
    """Run a cluster until the block ends. `users` and `credentials` are those of `local.front.start`, and `options` its other ones.

    proxy: also run an RDS Proxy before the writer, with these options.
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
        before = None
        if proxy is not None:
            made = front.start(writer.server, users=users, credentials=credentials, host=PROXY_HOST, proxy=proxy, **options)
            before = stack.enter_context(made)
        yield Cluster(writer, reader, password, before)


def _set_read_only(member: Member, on: bool) -> None:
    # Both: without super_read_only, an administrator's statement could still write. It is switched off with read_only.
    member.server.execute(f"SET GLOBAL {'super_read_only' if on else 'read_only'} = {int(on)}")
