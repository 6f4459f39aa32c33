"""Run a real MySQL or MariaDB server on this machine until a `with` block ends.

    with start("mysql") as server:
        server.database("app")
        server.create_user("app", "secret")
        server.execute("SELECT VERSION()")

Its source is the first of these that is available: the existing server that RDSLOCAL_MYSQL or RDSLOCAL_MARIADB names
(mysql://user:password@host:port), Debian's packages (downloaded once into the cache and not installed), a Docker engine.
"""

from __future__ import annotations

from .server import KINDS, Kind, Server
from .starting import start

__all__ = ["KINDS", "Kind", "Server", "start"]
