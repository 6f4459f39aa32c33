"""What each session starts with: the one SET statement that follows the sign-in."""

from __future__ import annotations

import re
from typing import Final

from ..errors import SettingsError

CHARSET: Final = "utf8mb4"
"""The only character set of a connection: under some others, such as gbk, bytes of a text could be read as quotes and backslashes."""

_ALLOWED: Final = {"time_zone": r"[\w+:/-]+", "sql_mode": r"[A-Za-z_0-9, ]*", "collation": r"utf8mb4_[a-z0-9_]+"}
"""What a value may look like: it is put into the SET statement as it is."""


class SessionStart:
    """The settings of each new session. Not a dataclass: making one costs a cold start 1 ms of CPU."""

    __slots__ = ("autocommit", "collation", "init_command", "isolation_level", "resets", "sql_mode", "time_zone", "tracks", "wait_timeout")

    def __init__(
        self,
        *,
        autocommit: bool = False,
        isolation_level: str | None = None,
        wait_timeout: int | None = None,
        collation: str | None = None,
        time_zone: str | None = None,
        sql_mode: str | None = None,
        init_command: str | None = None,
        resets: bool = True,
        tracks: bool = True,
    ) -> None:
        """Take the settings; None leaves the server's own value. `wait_timeout` is in seconds.

        With `resets` a session is brought back, at its return to the pool, to what it was. With `tracks` the server tells of changes that a
        statement's text does not show; an RDS Proxy would pin the connection for it.

        Raises SettingsError for a time zone, SQL mode or collation with characters that none has.
        """
        for name, value in (("time_zone", time_zone), ("sql_mode", sql_mode), ("collation", collation)):
            if value is not None and not re.fullmatch(_ALLOWED[name], value):
                expected = (
                    "one of utf8mb4, such as utf8mb4_bin" if name == "collation" else "the name of one, as in the server's documentation"
                )
                raise SettingsError(f"{name} is {value!r}: give {expected}")
        self.autocommit = autocommit
        self.isolation_level = isolation_level
        self.wait_timeout = wait_timeout
        self.collation = collation
        self.time_zone = time_zone
        self.sql_mode = sql_mode
        self.init_command = init_command
        self.resets = resets
        self.tracks = tracks

    def assignments(self, isolation_variable: str) -> list[str]:
        """Return what SET assigns. `isolation_variable` is the server's name of the isolation level."""
        # Without COLLATE the server takes its own default, that of most tables: with another one, MySQL 8 and later refuse a UNION
        # of a column and a CAST to CHAR ("Illegal mix of collations").
        assigned = [f"NAMES '{CHARSET}' COLLATE '{self.collation}'" if self.collation else f"NAMES '{CHARSET}'"]
        assigned.append(f"@@session.autocommit = {int(self.autocommit)}")
        if self.wait_timeout is not None:
            assigned.append(f"@@session.wait_timeout = {self.wait_timeout:d}")
        if self.isolation_level is not None:
            assigned.append(f"@@session.{isolation_variable} = '{self.isolation_level.replace(' ', '-')}'")
        if self.time_zone is not None:
            assigned.append(f"@@session.time_zone = '{self.time_zone}'")
        if self.sql_mode is not None:
            assigned.append(f"@@session.sql_mode = '{self.sql_mode}'")
        if self.resets and self.tracks:
            assigned.append("@@session.session_track_state_change = 1")
        return assigned
