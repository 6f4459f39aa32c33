"""Which way to a server this machine has, and the way gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import LocalError, NotHereError
from . import debian, docker, existing
from .server import KINDS, Kind, Server


@contextmanager
def start(kind: Kind = "mysql") -> Iterator[Server]:
    """A server of this kind that listens on 127.0.0.1 with TLS, fresh and empty; it ends with the block, or with this process.

    An existing one that RDSLOCAL_MYSQL or RDSLOCAL_MARIADB names is used as it is, and left running. Raise LocalError, which says which
    part is missing, why and what to do.
    """
    if kind not in KINDS:
        raise ValueError(f"no such kind of server: {kind!r}. Use one of {', '.join(KINDS)}.")
    if existing.named(kind):
        with existing.use(kind) as server:
            yield server
        return
    try:
        program = debian.program(kind)
    except NotHereError as error:
        no_engine = docker.missing()
        if no_engine:
            raise LocalError(
                f"no {kind} server can be had on this machine. From Debian's packages: {error} From Docker: {no_engine} "
                f"Do one of: run on Debian or Ubuntu, start a Docker engine, or set "
                f"{existing.variable(kind)}=mysql://user:password@host:port to a server of yours."
            ) from error
        with docker.run(kind) as server:
            yield server
        return
    with debian.run(program) as server:
        yield server
