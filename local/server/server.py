"""A running server: its address and its administration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pymysql
import pymysql.err

from ..errors import LocalError

Kind = Literal["mysql", "mariadb"]
KINDS: tuple[Kind, ...] = ("mysql", "mariadb")

# The privileges of an application's user on RDS. With SUPER, a session would ignore read_only and init_connect.
_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, "
    "CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER"
)


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server. `version` is the result of SELECT VERSION(), such as 9.7.4-2. `socket` and `ca` are None if they are unknown."""

    kind: Kind
    version: str
    host: str
    port: int
    socket: Path | None
    admin_user: str
    admin_password: str = field(repr=False)
    ca: Path | None
    restarts: Callable[[bool], None] | None = field(default=None, repr=False)
    """Starts the server again, after a crash if True. None for servers of others."""

    def restart(self, *, crash: bool = False) -> None:
        """End the server, by SHUTDOWN or (crash) by SIGKILL, and start it again with its data, port and options.

        Raise LocalError for a server of others (RDSLOCAL_MYSQL, Docker), and where the server does not start again.
        """
        if self.restarts is None:
            raise LocalError(f"{self!r} was not started from Debian's packages, so it can't be started again.")
        self.restarts(crash)

    def connect(self, **options: Any) -> pymysql.Connection[Any]:
        """Return a connection of the administrator in autocommit mode. `options` are those of pymysql.connect. Raise LocalError when it fails."""
        return connect_admin(
            host=self.host, port=self.port, socket=self.socket, user=self.admin_user, password=self.admin_password, **options
        )

    def execute(self, sql: str, *more: str) -> list[tuple[Any, ...]]:
        """Run the statements in one session of the administrator, and return the rows of the last one."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                for statement in (sql, *more):
                    cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def database(self, name: str, *, charset: str | None = None) -> str:
        """Create the database `name` if it does not exist, and return `name`.

        The default character set is that of the server: utf8mb4 for MySQL, latin1 for MariaDB before 11.6, as on RDS.
        """
        self.execute(f"CREATE DATABASE IF NOT EXISTS {quoted(name)}" + (f" CHARACTER SET {quoted(charset)}" if charset else ""))
        return name

    def create_user(self, name: str, password: str, *, database: str | None = None) -> None:
        """Create the user for any host, or set its password. Grant it an application's privileges on `database` (None: on all databases)."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", (name, password))
                cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s", (name, password))
                scope = f"{quoted(database)}.*" if database else "*.*"
                cursor.execute(f"GRANT {_RIGHTS} ON {scope.replace('%', '%%')} TO %s@'%%'", (name,))
        finally:
            connection.close()


def version_of(connection: pymysql.Connection[Any]) -> str:
    """Return the result of SELECT VERSION()."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        row = cursor.fetchone()
    return str(row[0] if row else "")


def quoted(identifier: str) -> str:
    """Return the identifier in backquotes."""
    return "`" + identifier.replace("`", "``") + "`"


def connect_admin(*, host: str, port: int, socket: Path | None, user: str, password: str, **options: Any) -> pymysql.Connection[Any]:
    """Return a PyMySQL connection, over the unix socket if there is one. Raise LocalError when it fails."""
    settings: dict[str, Any] = {"autocommit": True, "charset": "utf8mb4", "connect_timeout": 10, **options}
    if socket is not None:
        settings["unix_socket"] = str(socket)
    try:
        return pymysql.connect(host=host, port=port, user=user, password=password, **settings)
    except (pymysql.err.MySQLError, RuntimeError) as error:
        raise LocalError(f"the server at {socket or f'{host}:{port}'} refuses the connection of {user}: {error}") from error
