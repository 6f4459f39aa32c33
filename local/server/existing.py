"""Use an existing server that an environment variable names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import LocalError
from .server import Kind, Server, connect_admin, version_of


def variable(kind: Kind) -> str:
    """Return the name of the environment variable."""
    return f"RDSLOCAL_{kind.upper()}"


def named(kind: Kind) -> bool:
    """Return whether the environment variable is set for this kind of server."""
    return bool(os.environ.get(variable(kind)))


@contextmanager
def use(kind: Kind) -> Iterator[Server]:
    """Provide the server at mysql://user:password@host:port. ?ca=FILE names the authority of its certificate.

    Raise LocalError when the variable is invalid, or the server can't be used.
    """
    name = variable(kind)
    form = f"{name} must be mysql://user:password@host:port (with ?ca=FILE to verify its certificate, and %XX for special characters)"
    try:
        url = urlsplit(os.environ[name])
        host, port = url.hostname, url.port or 3306
    except ValueError:
        # The URL contains a password, so neither the URL nor the parser's message may be shown.
        raise LocalError(f"{form}: its address is not valid.") from None
    if url.scheme not in ("mysql", "mariadb", "mysql+pymysql") or not host or not url.username:
        raise LocalError(
            f"{form}: the {'host' if not host else 'user' if not url.username else f'scheme {url.scheme!r}'} is missing or wrong."
        )
    ca = parse_qs(url.query).get("ca", [None])[0]
    if ca is not None and not Path(ca).is_file():
        raise LocalError(f"{name} names the authority file {ca}, which does not exist.")
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
