"""The driver as SQLAlchemy wants it: a PEP 249 module, for the dialect `mysql+rdspool`.

Its errors, types and constants are mysql-connector-python's own.
"""

from __future__ import annotations

import os
from typing import Any, Final

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

from .connection import Connection
from .connector import Connector
from .errors import SettingsError
from .secret import Secret
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

_SESSIONS_PART: Final = frozenset({"wait_timeout", "isolation_level"})
"""Settings of the session that `connect()` passes on only where they are given."""
_REFUSED: Final = {
    "ssl_disabled": "rdspool connects with verified TLS only",
    "ssl_verify_cert": "the certificate is always verified",
    "ssl_verify_identity": "the server's name is always verified",
    "unix_socket": "rdspool connects over TCP with TLS",
    "use_pure": "rdspool has its own pure driver",
    "pool_name": "SQLAlchemy pools",
    "pool_size": "SQLAlchemy pools: give it to create_engine()",
    "failover": "RDS fails over by DNS",
    "option_files": "settings come from arguments, the URL or the environment",
    "option_groups": "settings come from arguments, the URL or the environment",
    "read_default_file": "settings come from arguments, the URL or the environment",
    "auth_plugin": "the server names the plugin, and IAM its own",
    "tls_versions": "TLS 1.2 and 1.3 are used",
    "tls_ciphersuites": "those of the TLS library's default are used",
    "ssl_cert": "a client's certificate is not sent: RDS asks for none",
    "ssl_key": "a client's certificate is not sent: RDS asks for none",
    "compress": "compression costs a function more CPU than it saves",
    "pool_recycle": "SQLAlchemy pools: give it to create_engine(), or use get_engine()",
    "connect": "get_engine() connects ahead of time",
}


def connect(**options: Any) -> Any:
    """Return a new connection.

    Takes the settings of `get_engine()` by keyword (`host`, `user`, `database`, `port`, `password`, `region`, `ca`,
    `connect_timeout` in seconds, ...; without a password IAM signs in) and the connector's own options beside them.

    Raises SettingsError, CredentialsError, or a ConnectError that tells what to do.
    """
    for name in _REFUSED.keys() & options.keys():
        raise SettingsError(f"the option {name!r} is not taken: {_REFUSED[name]}")
    for theirs, ours in (("ssl_ca", "ca"), ("connection_timeout", "connect_timeout"), ("passwd", "password"), ("db", "database")):
        if theirs in options:
            options[ours] = options.pop(theirs)
    if isinstance(options.get("password"), str):
        options["password"] = Secret(options["password"])
    given = {name: options.pop(name) for name in SETTING_NAMES if name in options}
    # The engine's own variables belong to get_engine(); those that describe the place count for every connection.
    place = {name: os.environ[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "RDSPOOL_CA") if name in os.environ}
    settings = Settings.load(environ=place, **given)
    session = {name: getattr(settings, name) for name in _SESSIONS_PART & given.keys()}
    return Connector(settings, **session, **options)()


# SQLAlchemy and the tools around it tell by the name of the PEP 249 module whose errors these are.
__name__ = "mysql.connector"
