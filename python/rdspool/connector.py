"""The creator: what the pool calls for a new connection, from the settings to a session that is ready."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from mysql.connector.errors import Error

from . import ahead, signin, tls
from .ahead import Ahead
from .connection import Connection
from .errors import SettingsError
from .packets import SSL_ERROR, PacketSocket
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


def after_fork() -> None:
    """In the child of a fork: another thread of the parent's may have held the locks."""
    global _tokens_lock
    _tokens_lock = threading.Lock()
    _tokens.clear()


class Connector:
    """Makes connections to one database. Thread-safe: it keeps nothing of a connection."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        """Prepare for `settings`; `options` are the connector's own (`sql_mode`, `time_zone`, `converter_class`, ...).

        Raises SettingsError where no authorities are known to verify the server with.
        """
        self.settings = settings
        # Buffered as with SQLAlchemy's own URL: a result is read whole, so that nothing blocks the next one.
        self._options: dict[str, Any] = {"buffered": True, **options}
        if self._options.get("isolation_level") == "AUTOCOMMIT":
            self._options.update(isolation_level=None, autocommit=True)
        self._roots = tls.root_files(settings)
        self._make = self._c_maker() if settings.driver == "c" else self._pure
        self._ahead: Ahead | None = None

    def __repr__(self) -> str:
        return f"<Connector {self.settings!r}>"

    def begin(self) -> None:
        """Start to make the first connection in a thread; the first call waits for it and takes it."""
        if ahead.allowed():
            self._ahead = Ahead(self._new)

    def __call__(self) -> Any:
        """Return a new connection: verified, signed in, its session set up.

        Raises CredentialsError, or a ConnectError that tells what to do.
        """
        begun, self._ahead = self._ahead, None
        if begun is None:
            return self._new()
        made = begun.take(self.settings.pool_recycle, IDLE_GAP)
        if made is not None:
            return made
        try:
            return self._new()
        except Exception as error:
            if begun.failure is not None:
                error.add_note(f"The connection made during init had failed before: {begun.failure}")
            raise

    def _new(self) -> Any:
        settings = self.settings
        if settings.password is not None:
            # A token that was made elsewhere and given as the password goes the way of a token.
            given_token = "X-Amz-Signature=" in settings.password.reveal()
            return self._connect(settings.password, CLEAR_PASSWORD if given_token else None)
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

    def _connect(self, secret: Secret, plugin: str | None) -> Any:
        settings = self.settings
        connection = self._make(
            secret=secret,
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

            if settings.driver == "c" and error.errno == SSL_ERROR:
                error = self._why_no_tls() or error
            raise diagnosis.explain(error, settings, secret) from error
        return connection

    def _why_no_tls(self) -> Error | None:
        """Return what the pure driver meets on the way to TLS: the C extension says only that the verification failed."""
        channel = PacketSocket(self.settings.host, self.settings.port)
        try:
            channel.open(self.settings.connect_timeout)
            signin.secure(channel, signin.greeting(channel), tls.context(self._roots))
        except Error as error:
            return error
        finally:
            channel.close_connection()
        return None

    def _pure(self, **options: Any) -> Connection:
        return Connection(tls=tls.context(self._roots), **options)

    def _c_maker(self) -> Callable[..., Any]:
        try:
            from .c_connection import CConnection
        except ImportError as error:
            raise SettingsError(
                f"RDSPOOL_DRIVER is 'c', but the connector's C extension can't be loaded ({error}): attach the layer's C flavour, and set "
                "the variable in the function's environment, so that the extension is loaded before the ssl module, whose OpenSSL may "
                "be older than the one it needs; import rdspool before anything that imports ssl"
            ) from error
        tls.context(self._roots)  # the extension takes a file without any certificate for one that it can't verify with
        return partial(CConnection, ca=tls.single_root_file(self.settings))
