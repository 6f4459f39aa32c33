"""Start a server from the first source that this machine has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..errors import LocalError, NotHereError
from . import debian, docker, existing
from .server import KINDS, Kind, Server


@contextmanager
def start(kind: Kind = "mysql", *, options: Sequence[str] = ()) -> Iterator[Server]:
    """Start a new, empty server that listens on 127.0.0.1 with TLS. Stop it when the block or this process ends.

    options: more of the server's, such as --max-connections=30. If RDSLOCAL_MYSQL or RDSLOCAL_MARIADB names an existing server, use that
    one and leave it running. Raise LocalError when no server is available, and where an existing one would need options; the text says what
    is missing and what to do.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of server: {kind!r}. Use one of {', '.join(KINDS)}.")
    if existing.named(kind):
        if options:
            raise LocalError(f"{existing.variable(kind)} names a server that runs already, without {' '.join(options)}: unset it for this.")
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
        with docker.run(kind, options) as server:
            yield server
        return
    with debian.run(program, options) as server:
        yield server
