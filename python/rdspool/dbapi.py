"""The driver as a module of PEP 249, for the dialect `mysql+rdspool` and for use without SQLAlchemy.

Its errors, types and constants are mysql-connector-python's own.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

from mysql.connector import apilevel, paramstyle, threadsafety
from mysql.connector.dbapi import (
    BINARY,
    DATETIME,
    NUMBER,
    ROWID,
    STRING,
    Binary,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
)
from mysql.connector.errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,  # noqa: A004 - PEP 249's name
)
from mysql.connector.version import VERSION_TEXT as __version__  # noqa: N811

from ._aws.endpoints import is_proxy
from ._driver.connection import Connection
from ._driver.lives import Lives
from ._driver.session_start import CHARSET, SessionStart
from ._settings import sources
from ._settings.defaults import NEVER_SECRET
from ._settings.places import Variables
from ._settings.shown import shown
from ._settings.sources import Sources
from ._settings.suggestions import suggestion
from .creator import Creator
from .errors import SettingsError
from .secret import hide
from .settings import SETTING_NAMES, Settings

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Connection",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "__version__",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]

_REFUSED: Final = {
    "allow_local_infile": "a server could ask for any file of the function: insert the rows with executemany()",
    "auth_plugin": "the server names the plugin, and IAM its own",
    "buffered": "the cursor decides: cursor(buffered=False) streams; with SQLAlchemy use execution_options(yield_per=...)",
    "client_flags": "give multi_statements=True where a statement holds several",
    "compress": "compression costs a function more CPU than it saves",
    "connect": "get_engine() connects during init",
    "connections": "get_engine() gives connections back at the end of an invocation",
    "consume_results": "results that nobody reads are always read to their end",
    "converter_class": "convert values with SQLAlchemy's TypeDecorator",
    "failover": "RDS fails over by DNS",
    "get_warnings": "cursor.warning_count tells whether there are some, SHOW WARNINGS which",
    "metrics": "get_engine() counts, in the pool that it makes",
    "option_files": "settings come from arguments, the URL or the environment",
    "option_groups": "settings come from arguments, the URL or the environment",
    "pool_name": "SQLAlchemy pools",
    "pool_recycle": "SQLAlchemy pools: give it to create_engine(), or use get_engine()",
    "pool_reset_session": "SQLAlchemy pools",
    "pool_size": "SQLAlchemy pools: give it to create_engine()",
    "raise_on_warnings": "set sql_mode to a strict one",
    "raw": "the cursor decides: cursor(raw=True)",
    "read_default_file": "settings come from arguments, the URL or the environment",
    "shutdown": "get_engine() closes its connections at the end of the environment",
    "ssl_cert": "a client's certificate is not sent: RDS asks for none",
    "ssl_disabled": "rdspool connects with verified TLS only; to a database of your own, give development=True and a password",
    "ssl_key": "a client's certificate is not sent: RDS asks for none",
    "ssl_verify_cert": "the certificate is always verified; for a database of your own, give development=True and a password",
    "ssl_verify_identity": "the server's name is always verified",
    "tls_ciphersuites": "those of the TLS library's default are used",
    "tls_versions": "TLS 1.2 and 1.3 are used",
    "unix_socket": "rdspool connects over TCP with TLS",
    "use_pure": "rdspool has its own driver, in Python",
    "use_unicode": "text is always str; cursor(raw=True) gives bytes",
}
"""Options of mysql-connector-python, and settings of get_engine(), that are not taken, with what to do instead."""

_OTHERS_NAMES: Final = {"ssl_ca": "ca", "connection_timeout": "connect_timeout", "passwd": "password", "db": "database", "username": "user"}

_YES_NO: Final = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else _YES_NO[str(value).lower()]


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 <= seconds < math.inf:
        raise ValueError
    return seconds


def _modes(value: Any) -> str:
    return ",".join(value) if isinstance(value, (list, tuple)) else str(value)


def _attributes(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise TypeError
    return {str(name): str(text) for name, text in value.items()}


def _charset(value: Any) -> str:
    if str(value).lower() not in (CHARSET, "utf8"):
        raise SettingsError(
            f"the option charset is {shown(value)}: a connection of rdspool is always {CHARSET}; a column has the character set of its table, and "
            "the server converts"
        )
    return CHARSET


_SESSION: Final[dict[str, Callable[[Any], Any]]] = {
    "autocommit": _flag,
    "collation": str,
    "init_command": str,
    "sql_mode": _modes,
    "time_zone": str,
}
"""What each session starts with, beside the settings."""

_CONNECTION: Final[dict[str, Callable[[Any], Any]]] = {
    "conn_attrs": _attributes,
    "force_ipv6": _flag,
    "read_timeout": _seconds,
    "write_timeout": _seconds,
}


SHOWN: Final = (
    NEVER_SECRET
    | _SESSION.keys()
    | _CONNECTION.keys()
    | {"charset"}
    | {theirs for theirs, ours in _OTHERS_NAMES.items() if ours in NEVER_SECRET}
)
"""Options that hold no password."""


def connect(**options: Any) -> Connection:
    """Return a new connection.

    Takes the settings of `get_engine()` by keyword (`host`, `user`, `database`, `port`, `password`, `region`, `ca`, `wait_timeout`
    and `connect_timeout` in seconds, `isolation_level`, `max_allowed_packet` in bytes, `multi_statements`, `reset_session`; without a password IAM
    signs in), and beside them `autocommit`, `collation` (one of utf8mb4), `init_command`, `sql_mode`, `time_zone`, `conn_attrs` (a
    dict), `force_ipv6`, `read_timeout` and `write_timeout` (in seconds).

    Raises SettingsError, CredentialsError, or a ConnectError that tells what to do.
    """
    hide(options, SHOWN)
    engine = of_an_engine.get()
    if engine is None:
        return _connected(options, sources.of_connect())
    called = sources.of_url()
    for name, value in options.items():
        ours = _OTHERS_NAMES.get(name, name)
        called.use(ours, f"{name} in create_engine()'s URL" if engine.in_url.get(name) == value else called.argument(name))
    return _connected(options, called, engine.lives)


class EngineOfUrl(NamedTuple):
    """What `connect()` has to know of an engine that create_engine() made, beside its options."""

    in_url: Mapping[str, Any]
    """The options that the URL holds: errors name the part of the URL, or else the key of `connect_args`."""
    lives: Lives
    """Those of the engine's connections."""


of_an_engine: Final[ContextVar[EngineOfUrl | None]] = ContextVar("rdspool_engine_of_url", default=None)
"""The engine that `connect()` is called for. The dialect sets it, because tracers put a function with other arguments in the place of `connect`."""


def _connected(options: dict[str, Any], called: Sources, lives: Lives | None = None) -> Connection:
    for name in _REFUSED.keys() & options.keys():
        raise SettingsError(f"the option {name!r} is not taken: {_REFUSED[name]}")
    for theirs, ours in _OTHERS_NAMES.items():
        if theirs in options:
            if ours in options:
                raise SettingsError(f"the options {ours!r} and {theirs!r} mean the same, and both are given: leave {theirs!r} out")
            options[ours] = options.pop(theirs)
            if called.given(ours) is None:
                called.use(ours, called.argument(theirs))
    _charset(options.pop("charset", CHARSET))
    session = {name: _read(name, options.pop(name), read) for name, read in _SESSION.items() if options.get(name) is not None}
    beside = {name: _read(name, options.pop(name), read) for name, read in _CONNECTION.items() if options.get(name) is not None}
    given = {name: value for name, value in options.items() if name in SETTING_NAMES or name == "driver"}
    for name in options.keys() - given.keys() - _SESSION.keys() - _CONNECTION.keys():
        raise SettingsError(f"there is no option {name!r}{suggestion(name, [*SETTING_NAMES, *_SESSION, *_CONNECTION])}")
    # The engine's own variables belong to get_engine(); those that describe the place count for every connection.
    place = {
        name: os.environ[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "RDSPOOL_CA", "RDSPOOL_LOG_CONNECTS") if name in os.environ
    }
    settings = Settings.read(called, Variables(place), given)
    level = settings.isolation_level
    if level == "AUTOCOMMIT":
        level, session["autocommit"] = None, True
    # Only where it is asked for: SQLAlchemy's own pool brings back a transaction and nothing else, and its tests count on that.
    resets = settings.reset_session and given.get("reset_session") is not None
    wait_timeout = settings.wait_timeout if given.get("wait_timeout") is not None else None
    start = SessionStart(isolation_level=level, wait_timeout=wait_timeout, resets=resets, tracks=not is_proxy(settings.own_name), **session)
    return Creator(
        settings,
        start,
        connection_attributes=beside.get("conn_attrs"),
        read_timeout=beside.get("read_timeout"),
        write_timeout=beside.get("write_timeout"),
        force_ipv6=beside.get("force_ipv6", False),
        lives=lives,
    )()


def _read(name: str, value: Any, read: Callable[[Any], Any]) -> Any:
    try:
        return read(value)
    except (KeyError, TypeError, ValueError):
        expected: dict[Callable[[Any], Any], str] = {_flag: "true or false", _seconds: "a number of seconds", _attributes: "a dict"}
        raise SettingsError(f"the option {name!r} is {shown(value)}: give {expected.get(read, 'a text')}") from None


# SQLAlchemy and the tools around it tell by the name of the PEP 249 module whose errors these are.
__name__ = "mysql.connector"
