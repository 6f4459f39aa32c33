"""What was probably meant by a name that is not known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .defaults import PREFIX

_OTHERS_NAMES: Final = {
    "db": "database",
    "username": "user",
    "passwd": "password",
    "pass": "password",
    "ssl_ca": "ca",
    "timeout": "connect_timeout",
    "connection_timeout": "connect_timeout",
}
"""What other libraries call a setting."""

OTHERS_PREFIXES: Final = frozenset({"AURORA", "DATABASE", "DB", "MARIADB", "MYSQL", "RDS", "SQL", "SQLALCHEMY"})
"""How the variables of other tools begin, before the first _ of their names."""
OTHERS_WORDS: Final = {
    "CA": "ca",
    "DATABASE": "database",
    "DATABASE_NAME": "database",
    "DATABASE_URI": "url",
    "DATABASE_URL": "url",
    "DB": "database",
    "DBNAME": "database",
    "DB_NAME": "database",
    "DSN": "url",
    "ENDPOINT": "host",
    "HOST": "host",
    "HOSTNAME": "host",
    "NAME": "database",
    "PASS": "password",
    "PASSWD": "password",
    "PASSWORD": "password",
    "PORT": "port",
    "PWD": "password",
    "SCHEMA": "database",
    "SERVER": "host",
    "SSL_CA": "ca",
    "URI": "url",
    "URL": "url",
    "USER": "user",
    "USERNAME": "user",
}
"""What follows in them, and the setting that it is."""


def suggestion(wrong: str, known: Sequence[str], phrase: str = "did you mean {}?") -> str:
    """Return the nearest known name within `phrase` and brackets, or "" where none is near."""
    import difflib  # 2 ms of import that only an error needs

    bare = wrong.removeprefix(PREFIX).lower()
    if bare in _OTHERS_NAMES:
        return f" ({phrase.format(_OTHERS_NAMES[bare] if bare == wrong else PREFIX + _OTHERS_NAMES[bare].upper())})"
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.75)
    return f" ({phrase.format(close[0])})" if close else ""
