"""A server that runs already and that an environment variable names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import LocalError
from .server import Kind, Server, connect_admin, version_of


def variable(kind: Kind) -> str:
    """The name of the environment variable."""
    return f"RDSLOCAL_{kind.upper()}"


def named(kind: Kind) -> bool:
    """Whether the environment names a server of this kind."""
    return bool(os.environ.get(variable(kind)))


@contextmanager
def use(kind: Kind) -> Iterator[Server]:
    """The server at mysql://user:password@host:port; ?ca=FILE names the authority of its certificate, for those who verify it."""
    name = variable(kind)
    form = (
        f"{name} must read mysql://user:password@host:port (with ?ca=FILE if its certificate is to be verified; %XX for special characters)"
    )
    try:
        url = urlsplit(os.environ[name])
        host, port = url.hostname, url.port or 3306
    except ValueError:
        # The URL holds a password: neither it nor the parser's words about it may be shown.
        raise LocalError(f"{form}: its address can't be read.") from None
    if url.scheme not in ("mysql", "mariadb", "mysql+pymysql") or not host or not url.username:
        raise LocalError(
            f"{form}: the {'host' if not host else 'user' if not url.username else f'scheme {url.scheme!r}'} is missing or wrong."
        )
    ca = parse_qs(url.query).get("ca", [None])[0]
    if ca is not None and not Path(ca).is_file():
        raise LocalError(f"{name} names the authority file {ca}, which is not there.")
    user, password = unquote(url.username), unquote(url.password or "")
    connection = connect_admin(host=host, port=port, socket=None, user=user, password=password)
    try:
        version = version_of(connection)
    finally:
        connection.close()
    if ("mariadb" in version.lower()) != (kind == "mariadb"):
        raise LocalError(f"{name} names a server of version {version}, which is not {kind}.")
    yield Server(
        kind=kind, version=version, host=host, port=port, socket=None, admin_user=user, admin_password=password, ca=Path(ca) if ca else None
    )
