"""The step "limits": wait_timeout, max_connections, and who holds the connections."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from mysql.connector.errors import Error

from .._driver.connection import Connection
from .advice import assign, bound_connections
from .patient import Patient
from .step import OK, WARNING, Finding

NEAR: Final = 0.7
"""Part of max_connections from which on the doctor warns, and RDSPOOL_CONNECTIONS=automatic gives connections back."""
WHO: Final = (
    "SELECT p.user, a.attr_value AS program, COUNT(*) AS connections, SUM(p.command = 'Sleep') AS idle, MAX(p.time) AS longest_seconds "
    "FROM information_schema.processlist AS p LEFT JOIN performance_schema.session_connect_attrs AS a "
    "ON a.processlist_id = p.id AND a.attr_name = 'program_name' GROUP BY p.user, a.attr_value ORDER BY connections DESC LIMIT 20"
)
"""Who holds the connections. Without the right PROCESS, a user sees those of its own only."""
_WHO_WITHOUT_ATTRIBUTES: Final = (
    "SELECT user, NULL, COUNT(*) AS connections, SUM(command = 'Sleep'), MAX(time) FROM information_schema.processlist "
    "GROUP BY user ORDER BY connections DESC LIMIT 20"
)


def look(patient: Patient) -> Finding:
    """Ask for the limits, and who uses them up."""
    settings, connection = patient.settings, patient.session
    maximum, of_user, session_wait, global_wait = map(
        int,
        connection.variables(
            "@@global.max_connections", "@@global.max_user_connections", "@@session.wait_timeout", "@@global.wait_timeout"
        ),
    )
    connected = _status(connection, "Threads_connected")
    holders = _holders(connection)
    facts: dict[str, Any] = {
        "max_connections": maximum,
        "max_user_connections": of_user,
        "connected": connected,
        "most_connected": _status(connection, "Max_used_connections"),
        "wait_timeout": session_wait,
        "server_wait_timeout": global_wait,
        "pool_recycle": settings.pool_recycle,
        "holders": holders,
    }
    seen = sum(holder["connections"] for holder in holders)
    facts["sees_all"] = connected is None or seen >= connected
    found = f"{'?' if connected is None else connected} of {maximum} connections are in use; wait_timeout is {session_wait} s"
    if connected is not None and connected >= maximum * NEAR:
        first = holders[0] if holders else None
        most = (
            f" {first['user']!r} holds most of those that can be seen: {first['connections']}, {first['idle']} of them idle."
            if first
            else ""
        )
        return Finding(
            WARNING,
            found,
            facts,
            cause=f"The server is near its limit.{most}",
            fix=[
                bound_connections(settings),
                *([] if facts["sees_all"] else [f"See all of them: GRANT PROCESS ON *.* TO '{settings.user}'@'%';"]),
            ],
        )
    if session_wait <= settings.pool_recycle:
        return Finding(
            WARNING,
            found,
            facts,
            cause=f"The server closes idle connections after {session_wait} s, and the pool keeps them for {settings.pool_recycle} s",
            fix=[assign(settings, "pool_recycle", str(max(1, session_wait // 2)))],
        )
    return Finding(OK, found, facts)


def _status(connection: Connection, name: str) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW GLOBAL STATUS LIKE '{name}'")
        row = cursor.fetchone()
    return None if row is None else int(row[1])


def _holders(connection: Connection) -> list[dict[str, Any]]:
    """Return who holds how many connections, as far as the rights allow."""
    for statement in (WHO, _WHO_WITHOUT_ATTRIBUTES):
        with suppress(Error), connection.cursor() as cursor:
            cursor.execute(statement)
            return [
                {
                    "user": str(user),
                    "program": None if program is None else str(program),
                    "connections": int(count),
                    "idle": int(idle or 0),
                    "longest_seconds": int(longest or 0),
                }
                for user, program, count, idle, longest in cursor.fetchall()
            ]
    return []
