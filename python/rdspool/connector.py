"""The creator: what the pool calls for a new connection, from the settings to a session that is ready."""

from __future__ import annotations

import threading
from typing import Any, Final

from mysql.connector.errors import Error

from . import ahead, tls
from .ahead import Ahead
from .connection import Connection
from .pool import IDLE_GAP
from .secret import Secret
from .settings import Settings
from .signin import CLEAR_PASSWORD
from .token import TokenSource

ACCESS_DENIED: Final = 1045

_tokens: Final[dict[tuple[str, int, str, str], TokenSource]] = {}
_tokens_lock = threading.Lock()


def token_source(settings: Settings) -> TokenSource:
    """Return the process's source of tokens for this user, endpoint and region."""
    assert settings.region is not None
    target = (settings.host, settings.port, settings.user, settings.region)
    with _tokens_lock:
        if target not in _tokens:
            _tokens[target] = TokenSource(*target)
        return _tokens[target]


class Connector:
    """Makes connections to one database. Thread-safe: it keeps nothing of a connection."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        """Prepare for `settings`; `options` are the connector's own (`sql_mode`, `time_zone`, `converter_class`, ...).

        Raises SettingsError where no authorities are known to verify the server with.
        """
        self.settings = settings
        self._options = options
        self._roots = tls.root_files(settings)
        self._ahead: Ahead | None = None

    def __repr__(self) -> str:
        return f"<Connector {self.settings!r}>"

    def begin(self) -> None:
        """Start to make the first connection in a thread; the first call waits for it and takes it."""
        if ahead.allowed():
            self._ahead = Ahead(self._new)

    def __call__(self) -> Connection:
        """Return a new connection: verified, signed in, its session set up.

        Raises CredentialsError, or a ConnectError that tells what to do.
        """
        begun, self._ahead = self._ahead, None
        if begun is None:
            return self._new()
        made: Connection | None = begun.take(self.settings.pool_recycle, IDLE_GAP)
        if made is not None:
            return made
        try:
            return self._new()
        except Exception as error:
            if begun.failure is not None:
                error.add_note(f"The connection made during init had failed before: {begun.failure}")
            raise

    def _new(self) -> Connection:
        settings = self.settings
        if settings.password is not None:
            return self._connect(settings.password, None)
        source = token_source(settings)
        token, reused = source.get()
        try:
            return self._connect(token, CLEAR_PASSWORD)
        except Error as error:
            if error.errno != ACCESS_DENIED:
                raise
            source.forget(token)
            if not reused:
                raise
        # The kept token can have lost its validity with a change of the role; a fresh one decides. Nothing has run yet.
        return self._connect(source.get()[0], CLEAR_PASSWORD)

    def _connect(self, secret: Secret, plugin: str | None) -> Connection:
        settings = self.settings
        connection = Connection(
            secret=secret,
            tls=tls.context(self._roots),
            plugin=plugin,
            host=settings.host,
            port=settings.port,
            user=settings.user,
            database=settings.database or "",
            connection_timeout=settings.connect_timeout,
            **self._options,
        )
        try:
            connection.open()
        except Error as error:
            from . import diagnosis  # imported only where it is needed: a cold start that succeeds has no use for it

            raise diagnosis.explain(error, settings, secret) from error
        return connection
