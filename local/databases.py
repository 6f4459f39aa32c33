"""The databases of a function with one engine or several: another database beside the first one, or a cluster's writer and reader."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from . import cluster, endpoint
from .errors import LocalError
from .front import Count, Credentials, Front
from .server import Kind, Server

Schemas = Mapping[str | None, Path]
"""Files of SQL statements, by the engine in whose database they run; None is the unnamed engine."""


@dataclass(frozen=True)
class Databases:
    """Running databases. `fronts` and `addresses` are by the name of the engine and of the host; None is the unnamed engine."""

    server: Server
    variables: Mapping[str, str] = field(repr=False)
    """rdspool's settings, but for RDSPOOL_CA."""
    credentials: Credentials = field(repr=False)
    fronts: Mapping[str | None, Front]
    addresses: Mapping[str, str]
    running_cluster: cluster.Cluster | None = None

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority that signed for all of them."""
        return self.fronts[None].ca_file

    @property
    def region(self) -> str:
        return self.fronts[None].region

    @contextmanager
    def count(self) -> Iterator[dict[str | None, Count]]:
        """Count the traffic of each engine in the block. After it, a cluster's reader has what the writer has committed."""
        with ExitStack() as stack:
            yield {name: stack.enter_context(front.count()) for name, front in self.fronts.items()}
        if self.running_cluster is not None:
            self.running_cluster.wait_for_reader()


@contextmanager
def start(
    kind: Kind, *, iam: bool = True, engines: Sequence[str] = (), reader: str | None = None, schemas: Schemas | None = None
) -> Iterator[Databases]:
    """Run the databases of a function until the block ends.

    Each of `engines` has a database with its name on the same server, behind an endpoint of its own. With `reader`, the servers are a
    cluster: the unnamed engine leads to its writer endpoint, and the engine `reader` to its reader endpoint. Raise LocalError when a part is
    missing or a statement fails.
    """
    schemas = schemas or {}
    if reader is None:
        with _beside(kind, iam, engines, schemas) as running:
            yield running
    elif kind != "mysql" or engines or not iam:
        raise LocalError("a reader is one of a cluster of two MySQL servers that share one database, with IAM: leave out the other options")
    else:
        with _cluster(reader, schemas) as running:
            yield running


@contextmanager
def _beside(kind: Kind, iam: bool, engines: Sequence[str], schemas: Schemas) -> Iterator[Databases]:
    with ExitStack() as stack:
        first = stack.enter_context(endpoint.start(kind, iam=iam, databases=engines, schema=schemas.get(None)))
        ends: dict[str | None, endpoint.Endpoint] = {None: first}
        for engine in engines:
            ends[engine] = stack.enter_context(endpoint.beside(first, engine, schema=schemas.get(engine)))
        variables: dict[str, str] = {}
        for name, one in ends.items():
            variables |= {_variable(key, name): value for key, value in one.settings().items()}
        fronts = {name: one.front for name, one in ends.items()}
        yield Databases(first.server, variables, first.credentials, fronts, {front.host: front.address for front in fronts.values()})


@contextmanager
def _cluster(reader: str, schemas: Schemas) -> Iterator[Databases]:
    password, credentials = secrets.token_urlsafe(18), endpoint.new_credentials()
    with cluster.start(users={endpoint.USER: password}, credentials=credentials) as running:
        server = running.writer.server
        server.create_user(endpoint.USER, password, database=server.database(endpoint.DATABASE))
        if None in schemas:
            endpoint.run_file(server, endpoint.DATABASE, schemas[None])
        running.wait_for_reader()
        variables: dict[str, str] = {}
        hosts: dict[str | None, str] = {None: running.host, reader: running.reader_host}
        for name, host in hosts.items():
            settings = {"HOST": host, "PORT": str(running.port), "USER": endpoint.USER, "DATABASE": endpoint.DATABASE}
            variables |= {_variable(f"RDSPOOL_{key}", name): value for key, value in settings.items()}
        fronts: dict[str | None, Front] = {None: running.writer.front, reader: running.reader.front}
        yield Databases(server, variables, credentials, fronts, running.addresses, running)


def _variable(unnamed: str, name: str | None) -> str:
    """Return the variable of the engine `name` for that of the unnamed engine."""
    return unnamed if name is None else unnamed.replace("RDSPOOL_", f"RDSPOOL_{name.upper()}_")
