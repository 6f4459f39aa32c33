"""The creator: what a pool calls for a new connection, from the settings to a session that is set up."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from mysql.connector.errors import Error

from . import _connect_log, _writer, deadlines
from ._aws import credentials
from ._aws.authorities import root_files
from ._aws.endpoints import is_proxy
from ._aws.token import TokenSource
from ._connect_log import NewConnection
from ._driver import probes
from ._driver.attempts import Attempts
from ._driver.connection import Connection
from ._driver.error_numbers import ACCESS_DENIED, CANNOT_CONNECT
from ._driver.lives import Lives
from ._driver.session_start import SessionStart
from ._driver.sign_in import Login
from ._lambda import shutdown, snapshot
from ._lambda.init_connection import InitConnection
from ._lambda.pressure import Pressure
from ._login import completed, context, forget_stored, login, session_start, stored_source
from ._second_connections import SecondConnections
from .deadlines import Limit
from .errors import ConnectError, ConnectTimeoutError, CredentialsError, SettingsError, TooManyConnectionsError
from .pool import IDLE_GAP
from .secret import EmptiedFrames, Secret
from .settings import Settings

_tokens: Final[dict[tuple[str, int, str, str], TokenSource]] = {}
_tokens_lock = threading.Lock()


def token_source(settings: Settings) -> TokenSource:
    """Return the process's source of tokens for this user, endpoint and region."""
    assert settings.region is not None
    target = (settings.own_name, settings.own_port, settings.user, settings.region)
    with _tokens_lock:
        if target not in _tokens:
            _tokens[target] = TokenSource(*target)
        return _tokens[target]


def after_fork() -> None:
    """In the child of a fork: another thread of the parent's may have held the locks."""
    global _tokens_lock
    _tokens_lock = threading.Lock()
    forget()
    shutdown.after_fork()


def forget() -> None:
    """Forget all tokens, and the credentials that were found for them."""
    _tokens.clear()
    credentials.forget()
    forget_stored()


class Creator:
    """Makes connections to one database: `create_engine(..., creator=Creator(settings))`. Thread-safe: it keeps nothing of a connection."""

    def __init__(
        self,
        settings: Settings,
        start: SessionStart | None = None,
        *,
        connection_attributes: Mapping[str, str] | None = None,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
        force_ipv6: bool = False,
        asks_first: bool = False,
        lives: Lives | None = None,
    ) -> None:
        """Prepare for `settings`; `start` is what each session starts with, None for what the settings say. With `asks_first` the first
        connection brings the answers to SQLAlchemy's first questions along. `lives` are those of connections that another creator made before.

        `connection_attributes` are seen in performance_schema.session_connect_attrs, beside rdspool's own; `read_timeout` and
        `write_timeout` (seconds) bound each part of an answer and each send; None: no bound.

        Raises SettingsError where no authorities are known to verify the server with.
        """
        self.settings = settings
        self._start = session_start(settings) if start is None else start
        self._attributes = connection_attributes or {}
        self._timeouts = read_timeout, write_timeout
        self._force_ipv6 = force_ipv6
        self._roots = () if settings.development else root_files(settings.own_name, settings.region, settings.ca, settings.sources)
        self._init_connection: InitConnection | None = None
        self._reached = False
        """Whether the server was reached before: where it is not now, it can be restarting."""
        self._asks_first = asks_first
        self.lives = Lives(settings.pool_recycle) if lives is None else lives
        """Why its connections have ended, which is why it makes others."""
        if self._roots and not snapshot.ahead():
            # Some 2 ms of CPU, spent in init: that has a whole processor, a first invocation with 128 MB has 7 % of one. In a snapshot,
            # all environments would share what the context has drawn at random.
            with suppress(SettingsError):  # the connect raises it
                context(settings, self._roots)
        self.pressure: Pressure | None = None
        """What is known of the server's limit of connections, where somebody gives them back."""

    def __repr__(self) -> str:
        return f"<Creator {self.settings!r}>"

    def begin(self) -> None:
        """Start to make the first connection in a thread; the first call waits for it and takes it."""
        if not snapshot.ahead():
            self._init_connection = InitConnection(lambda: self._new(self._limit()))

    def __call__(self) -> Connection:
        """Return a new connection: verified, signed in, its session set up.

        Raises CredentialsError, or a ConnectError that tells what to do: without its frames, and with what it was made of as its
        `driver_error`, for a traceback would show three more of them, each with the same text.
        """
        try:
            return self._first_or_new()
        except ConnectError as error:
            failed = error
        failed.stand_alone()
        raise failed

    def _first_or_new(self) -> Connection:
        """Return the connection that was begun during init, else a new one."""
        limit = self._limit()
        begun, self._init_connection = self._init_connection, None
        if begun is None:
            return self._new(limit)
        try:
            made: Connection | None = begun.take(self.settings.pool_recycle, IDLE_GAP, limit)
        except TimeoutError as error:
            self._init_connection = begun  # it goes on: the next call may find it
            raise ConnectTimeoutError(
                f"the connection that was begun during init was not made within {limit}", errno=CANNOT_CONNECT
            ) from error
        if made is not None:
            return made
        if isinstance(begun.failure, ConnectTimeoutError) and begun.just_failed:
            raise begun.failure  # the same wait once more would end in Lambda's own time-out
        try:
            return self._new(limit)
        except Exception as error:
            if begun.failure is not None:
                error.add_note(f"The connection made during init had failed before: {begun.failure}")
            raise

    def _limit(self) -> Limit:
        """Return the limit of a connect that begins now, with all that it repeats."""
        settings = self.settings
        return deadlines.within(
            settings.connect_timeout or deadlines.usual(), settings.sources["connect_timeout"], settings.deadline_margin
        )

    def _new(self, limit: Limit) -> Connection:
        """Return a new connection. What can pass within the limit, such as a server with too many connections, is tried again."""
        attempts, began = Attempts(limit, restarts=self._reached or self.settings.role == "writer"), time.monotonic()
        while True:
            begun = time.monotonic()
            try:
                made = self._once(limit)
                # What is before the connection: the credentials and the signature, and a kept token that was refused.
                made.steps = {"credentials": time.monotonic() - begun - sum(made.steps.values()), **made.steps}
                if self.settings.role == "writer":
                    _writer.check(made, self.settings, limit)
            except ConnectError as error:
                if self.pressure is not None and isinstance(error, TooManyConnectionsError):
                    self.pressure.refused()
                source = token_source(self.settings) if self.settings.iam else None
                try:
                    attempts.wait_after(error, proven=source is not None and source.proven)
                except ConnectError as last:
                    if source is not None and last.errno == ACCESS_DENIED:
                        source.proven = False  # it lasts: the next call need not wait to be refused
                    raise
            else:
                self._tell(made, attempts.made + 1, time.monotonic() - began)
                return made

    def _tell(self, made: Connection, attempts: int, seconds: float) -> None:
        settings, made.why = self.settings, self.lives.begin(made.life)
        told = NewConnection(
            settings.sources.name,
            settings.host,
            settings.port,
            made.server_address,
            made.connection_id,
            made.why,
            attempts,
            seconds,
            made.steps,
        )
        _connect_log.tell(told, settings.log_connects)

    def _questions(self) -> tuple[str, ...] | None:
        """Return what a connect asks beside SQLAlchemy's first questions; None: it asks nothing.

        The first connection of an engine asks, for SQLAlchemy will; with a role each one does. Not through an RDS Proxy, of which nobody has
        said that it takes two commands in one flight.
        """
        if is_proxy(self.settings.own_name):
            return None
        if self.settings.role == "writer":
            return _writer.READ_ONLY
        return () if self._asks_first and not self._reached else None

    def _once(self, limit: Limit) -> Connection:
        settings = self.settings
        if settings.stored:
            return self._once_stored(limit)
        if not settings.iam:
            return self._connect(*self._who(limit), limit)
        source = token_source(settings)
        signed, reused = source.get(limit)
        try:
            return self._connect_with(signed, source, limit)
        except Error as error:
            if error.errno != ACCESS_DENIED or not reused:
                raise
        # The cached token was refused: the role can have changed. Retry once with a new one: no SQL has run, so this is safe.
        return self._connect_with(source.get(limit)[0], source, limit)

    def _once_stored(self, limit: Limit) -> Connection:
        """Return a connection that a password signed in which AWS keeps. Where it is refused, it was rotated, or is being rotated."""
        source = stored_source(self.settings)
        found = source.get(limit)
        try:
            return self._connect(completed(self.settings, found), found.password, False, limit)
        except ConnectError as error:
            if error.errno != ACCESS_DENIED:
                raise
            refusal = error
        source.keep(None)
        others = source.others(found, limit)
        while True:
            try:
                other = next(others, None)
            except (CredentialsError, ConnectTimeoutError) as error:
                refusal.add_note(f"Whether the password was rotated is not known: {error}")
                break
            if other is None:
                break
            try:
                made = self._connect(completed(self.settings, other), other.password, False, limit)
            except ConnectError as error:
                if error.errno != ACCESS_DENIED:
                    raise
                refusal = error
            else:
                source.keep(other)
                return made
        raise refusal

    def _connect_with(self, token: Secret, source: TokenSource, limit: Limit) -> Connection:
        """Return a connection that the token signed in. A refused one is forgotten: it would only be refused again at the next call."""
        try:
            made = self._connect(self.settings, token, True, limit)
        except Error as error:
            if error.errno == ACCESS_DENIED:
                source.forget(token)
            raise
        source.proven = True
        return made

    def _connect(self, settings: Settings, secret: Secret, token: bool, limit: Limit) -> Connection:
        try:
            made = Connection.open(
                settings.host,
                settings.port,
                self._login(settings, secret, token),
                self._start,
                limit=limit,
                margin=settings.deadline_margin,
                max_allowed_packet=settings.max_allowed_packet,
                force_ipv6=self._force_ipv6,
                set_up=partial(probes.set_up, more=self._questions()),
            )
        except Error as error:
            from ._aws import diagnosis  # imported only where it is needed: a cold start that succeeds has no use for it

            with EmptiedFrames():
                explained = diagnosis.explain(error, settings, secret, limit)
            raise explained from error
        self._reached = True
        made.read_timeout, made.write_timeout = self._timeouts
        made.pressure = self.pressure
        shutdown.keep(made)
        second = SecondConnections(settings, self._login_now)
        # An RDS Proxy has numbers of its own for connections, and ends none by them.
        end = None if is_proxy(settings.own_name) else second.end_session
        made.helped_by(settings.sources["max_allowed_packet"], second.packet_limit, end)
        return made

    def _login(self, settings: Settings, secret: Secret, token: bool) -> Login:
        return login(settings, self._start, secret, context(settings, self._roots), self._attributes, token=token)

    def _login_now(self, limit: Limit) -> Login:
        """Return the login with what signs in at this moment."""
        return self._login(*self._who(limit))

    def _who(self, limit: Limit) -> tuple[Settings, Secret, bool]:
        """Return the settings with the user, what signs in, and whether it is a token."""
        settings = self.settings
        if settings.stored:
            found = stored_source(settings).get(limit)
            return completed(settings, found), found.password, False
        if settings.password is None:
            return settings, token_source(settings).get(limit)[0], True
        # A token that was made elsewhere and given as the password goes the way of a token.
        return settings, settings.password, "X-Amz-Signature=" in settings.password.reveal()
