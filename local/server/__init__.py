"""A real MySQL or MariaDB server on this machine, for as long as a `with` block lasts.

    with start("mysql") as server:
        server.database("app")
        server.create_user("app", "secret")
        server.execute("SELECT VERSION()")

Where it comes from, in this order: an existing server that RDSLOCAL_MYSQL or RDSLOCAL_MARIADB names
(mysql://user:password@host:port), Debian's own packages (fetched once into the cache, nothing is installed), a Docker engine.
"""

from __future__ import annotations

from .server import KINDS, Kind, Server
from .starting import start

__all__ = ["KINDS", "Kind", "Server", "start"]
