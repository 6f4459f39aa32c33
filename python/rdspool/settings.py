"""The settings of one engine: what they are and their units. `_settings` reads and checks them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from ._driver.packets import DEFAULT_MAX_ALLOWED_PACKET
from ._settings import defaults
from ._settings.places import Variables, wrong_name
from ._settings.reading import Reading
from ._settings.record import Record
from .errors import SettingsError
from .secret import EmptiedFrames, Secret, hide


class Settings(Record):
    """What one engine needs to know. Make it with `Settings.load()`, which checks each value."""

    host: str
    """Name of the RDS instance, Aurora cluster or RDS Proxy endpoint, or of an alias of it: where connections lead to."""
    user: str
    """Database user: one created with AWSAuthenticationPlugin where IAM signs in. Empty: the one that `secret` names."""
    port: int = defaults.PORT
    database: str | None = None
    endpoint: str | None = None
    """The endpoint's own name where `host` is an alias of it or a tunnel to it, with `:port` where its port is another."""
    region: str | None = None
    """AWS region whose roots verify the server, and for which tokens are signed."""
    password: Secret | None = None
    """When set, signs in with it; when nothing of this and the next two is, IAM does."""
    secret: str | None = None
    """Name or ARN of a secret of Secrets Manager with the password, and the user where none is set."""
    password_parameter: str | None = None
    """Name or ARN of a parameter of Systems Manager (SSM) with the password."""
    development: bool = False
    """Whether the server is one's own, for development: it is not verified, and need not offer TLS. Only with a password, never in Lambda."""
    ca: str | None = None
    """PEM file of certificate authorities in place of the shipped roots."""
    pool_recycle: int = defaults.POOL_RECYCLE
    """Seconds after which a connection is replaced at its next checkout. Always below `wait_timeout`."""
    wait_timeout: int = defaults.POOL_RECYCLE + defaults.WAIT_TIMEOUT_MARGIN
    """Seconds of idling after which the server closes the session: what frees the connections of environments that are gone."""
    isolation_level: str | None = None
    """One of `ISOLATION_LEVELS`; None keeps the server's default."""
    connect_timeout: float | None = None
    """Seconds for a whole connect: name, TCP, TLS, sign-in and all that it repeats. None: `deadlines.USUAL`, or `deadlines.USUAL_UNKNOWN`
    where the end of the invocation is not known. The invocation's deadline ends it earlier."""
    deadline_margin_ms: int = defaults.DEADLINE_MARGIN_MS
    """Milliseconds before the end of an invocation at which waits end, a quarter of the invocation at most."""
    connect: str = "use"
    """One of `CONNECT_TIMES`: when the first connection is opened."""
    max_allowed_packet: int = DEFAULT_MAX_ALLOWED_PACKET
    """Bytes of one row, or any other answer of the server, at most. A larger one closes the connection."""
    connections: str = "automatic"
    """What happens to idle connections at the end of an invocation: one of `CONNECTIONS`."""
    role: str | None = None
    """"writer": a connect looks whether the server takes writes, and tries again within its time where it does not. None: any server."""
    reset_session: bool = True
    """Whether a connection that comes back to the pool has its session brought back to what it was: variables, locks, temporary tables."""
    shutdown: bool = True
    """Whether connections are closed at the end of the environment: in Lambda through an internal extension, elsewhere by atexit."""
    multi_statements: bool = False
    """Whether one execute() may hold several statements, separated by semicolons."""

    @property
    def deadline_margin(self) -> float:
        """`deadline_margin_ms` in seconds."""
        return self.deadline_margin_ms / 1000

    @property
    def own_name(self) -> str:
        """The endpoint's own name: the token is signed for it, and the certificate verified against it."""
        return self.host if self.endpoint is None else self.endpoint.partition(":")[0]

    @property
    def own_port(self) -> int:
        """The endpoint's own port, for which the token is signed."""
        return int((self.endpoint or "").partition(":")[2] or self.port)

    @property
    def iam(self) -> bool:
        """Whether an IAM token signs in, rather than a password."""
        return self.password is None and not self.stored

    @property
    def stored(self) -> bool:
        """Whether AWS keeps the password: in a secret or a parameter."""
        return self.secret is not None or self.password_parameter is not None

    def completed(self, user: str | None, database: str | None) -> Settings:
        """Return these settings with a secret's user and database where none are set."""
        return Settings(**{**self._values(), "user": self.user or user or "", "database": self.database or database})

    @classmethod
    def load(cls, name: str | None = None, *, environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
        """Return the settings of the engine `name` (None: the unnamed one).

        A keyword argument goes before the URL (`url=` or RDSPOOL_URL), and that before the other variables. The engine
        "reporting" reads RDSPOOL_REPORTING_HOST and so on; for what is not identity (RDSPOOL_CA, RDSPOOL_POOL_RECYCLE, ...)
        it falls back to the unnamed engine's variables.

        Raises SettingsError; and what reading the secret raises, where that has to name the host: CredentialsError, ConnectTimeoutError.
        """
        hide(overrides, defaults.NEVER_SECRET)
        variables, environ = Variables(os.environ if environ is None else environ), None
        wrong = wrong_name(name)
        if wrong is not None:
            del name  # it can be a URL
            raise SettingsError(wrong)
        with EmptiedFrames():
            values = Reading(name, variables, overrides, SETTING_NAMES).values(_read_secret)
        return cls(**values)


def _read_secret(secret: str, region: str, connect_timeout: float | None) -> Any:
    """Return what a secret says of the database, for an engine whose host is not set."""
    from . import deadlines
    from ._aws import stored

    limit = deadlines.within(connect_timeout or deadlines.usual(), "RDSPOOL_CONNECT_TIMEOUT")
    return stored.source(stored.Place(stored.SECRETS_MANAGER, secret, region)).get(limit)


SETTING_NAMES: Final = tuple(Settings.__annotations__)
