"""The settings of one engine: what they are, their defaults and units. `source.py` reads and checks them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from .secret import Secret

PREFIX: Final = "RDSPOOL_"

DEFAULT_PORT: Final = 3306
DEFAULT_POOL_RECYCLE: Final = 300
"""Seconds. Long enough for a busy environment to reconnect rarely, short enough that load moves over after a failover or a scale-out."""
DEFAULT_CONNECT_TIMEOUT: Final = 5.0
"""Seconds. A host that is reachable answers in milliseconds; a wrong security group never answers."""
WAIT_TIMEOUT_MARGIN: Final = 30
"""Seconds by which the server's idle limit outlasts `pool_recycle`, when only one of the two is set."""
MAXIMUM_WAIT_TIMEOUT: Final = 31_536_000
"""Seconds: the server's own maximum (MySQL Reference Manual, system variable wait_timeout)."""

CONNECT_TIMES: Final = ("use", "init")
"""When the first connection is opened: at its first use, or by get_engine() in a thread beside the function's other imports."""

DRIVERS: Final = ("pure", "c")
"""mysql-connector-python's two ways: in Python, or with its C extension, which the layer's C flavour holds."""

ISOLATION_LEVELS: Final = ("READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "AUTOCOMMIT")

IDENTITY: Final = frozenset({"url", "host", "port", "user", "database", "password"})
"""What names the database and who signs in: a named engine never takes these from the unnamed one's variables."""

REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one engine needs to know. Make it with `Settings.load()`, which checks each value."""

    host: str
    """Name of the RDS instance, Aurora cluster or RDS Proxy endpoint."""
    user: str
    """Database user: one created with AWSAuthenticationPlugin where IAM signs in."""
    port: int = DEFAULT_PORT
    database: str | None = None
    region: str | None = None
    """AWS region whose roots verify the server, and for which tokens are signed."""
    password: Secret | None = field(default=None, repr=False)
    """When set, signs in with it; when not, IAM does."""
    ca: str | None = None
    """PEM file of certificate authorities in place of the shipped roots."""
    pool_recycle: int = DEFAULT_POOL_RECYCLE
    """Seconds after which a connection is replaced at its next checkout. Always below `wait_timeout`."""
    wait_timeout: int = DEFAULT_POOL_RECYCLE + WAIT_TIMEOUT_MARGIN
    """Seconds of idling after which the server closes the session: what frees the connections of environments that are gone."""
    isolation_level: str | None = None
    """One of `ISOLATION_LEVELS`; None keeps the server's default."""
    connect_timeout: float = DEFAULT_CONNECT_TIMEOUT
    """Seconds for each step of a connect: address, TCP, TLS and sign-in."""

    connect: str = "use"
    """One of `CONNECT_TIMES`."""

    driver: str = "pure"
    """One of `DRIVERS`."""

    @property
    def iam(self) -> bool:
        """Whether an IAM token signs in, rather than a password."""
        return self.password is None

    @classmethod
    def load(cls, name: str | None = None, *, environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
        """Return the settings of the engine `name` (None: the unnamed one).

        A keyword argument goes before the URL (`url=` or RDSPOOL_URL), and that before the other variables. The engine
        "reporting" reads RDSPOOL_REPORTING_HOST and so on; for what is not identity (RDSPOOL_CA, RDSPOOL_POOL_RECYCLE, ...)
        it falls back to the unnamed engine's variables.

        Raises SettingsError.
        """
        from .source import Source

        return Source(name, os.environ if environ is None else environ, overrides).settings()


SETTING_NAMES: Final = tuple(f.name for f in fields(Settings))


def region_of(host: str) -> str | None:
    """Return the region that an RDS endpoint's name carries, or None for any other name.

    `db.c1abc.eu-central-1.rds.amazonaws.com` has it before `rds`, `db.c1abc.rds.cn-north-1.amazonaws.com.cn` after.
    """
    labels = host.split(".")
    if "rds" in labels:
        at = labels.index("rds")
        for label in (labels[at - 1] if at else "", *labels[at + 1 : at + 2]):
            if REGION.fullmatch(label):
                return label
    return None
