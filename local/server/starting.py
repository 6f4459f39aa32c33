"""Start a server from the first source that this machine has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ..errors import LocalError, NotHereError
from . import debian, docker, existing
from .server import KINDS, Kind, Server


@contextmanager
def start(kind: Kind = "mysql", *, options: Sequence[str] = (), prepare: Callable[[Server], None] | None = None) -> Iterator[Server]:
    """Start a new, empty server that listens on 127.0.0.1 with TLS. Stop it when the block or this process ends.

    If RDSLOCAL_MYSQL or RDSLOCAL_MARIADB names an existing server, use that one and leave it running. Raise LocalError when no server is
    available; the text says what is missing and what to do.

    options: more options of the server's program, such as --log-bin. prepare: is called with the server while it runs without `options`;
    then the server is started again with them, on the same data. An existing server takes neither, and a Docker engine no `prepare`.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of server: {kind!r}. Use one of {', '.join(KINDS)}.")
    if existing.named(kind):
        if options or prepare:
            raise LocalError(f"{existing.variable(kind)} names a running server, which takes no other options: unset it for this.")
        with existing.use(kind) as server:
            yield server
        return
    try:
        program = debian.program(kind)
    except NotHereError as error:
        no_engine = docker.missing()
        if no_engine:
            raise LocalError(
                f"no {kind} server is available on this machine. Debian's packages: {error} Docker: {no_engine} "
                f"Run on Debian or Ubuntu, start a Docker engine, or set "
                f"{existing.variable(kind)}=mysql://user:password@host:port to an existing server."
            ) from error
        if prepare is not None:
            raise LocalError(f"a {kind} server that is prepared and started again needs Debian's packages: {error}") from error
        with docker.run(kind, options) as server:
            yield server
        return
    with debian.run(program, options, prepare) as server:
        yield server
