"""What is examined: the settings of one engine, and what the steps have found and opened so far."""

from __future__ import annotations

import ssl
from typing import Final

from .. import deadlines
from .._aws.credentials import Credentials
from .._driver.connection import Connection
from .._driver.packets import PacketStream
from .._driver.sign_in import Greeting
from ..deadlines import Limit
from ..secret import Secret
from ..settings import Settings
from .question import Question

CONNECT: Final = 5.0
"""Seconds that each step may wait on the network where RDSPOOL_CONNECT_TIMEOUT is not set. An invocation's end is earlier."""


class Patient:
    """Holds what later steps need of earlier ones."""

    def __init__(self, name: str | None, account: str | None = None) -> None:
        """Take the engine's name, and the AWS account where it is known, as from the ARN of an invoked function."""
        self.name = name
        self.account = account
        self.principal: str | None = None
        """The ARN of who signs, as STS says."""
        self.credentials: Credentials | None = None
        self.refused: str | None = None
        """What STS says of credentials that it refuses."""
        self.skew: float | None = None
        """Seconds by which the clock here is ahead of that of AWS or the server; None: not known."""
        self.question: Question | None = None
        self.stream: PacketStream | None = None
        self.connection: Connection | None = None
        self._settings: Settings | None = None
        self._greeting: Greeting | None = None
        self._context: ssl.SSLContext | None = None
        self._secret: Secret | None = None

    @property
    def settings(self) -> Settings:
        """The settings. A step that uses them needs the step "settings"."""
        assert self._settings is not None
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def greeting(self) -> Greeting:
        """What the server says of itself before TLS. A step that uses it needs the step "greeting"."""
        assert self._greeting is not None
        return self._greeting

    @greeting.setter
    def greeting(self, greeting: Greeting) -> None:
        self._greeting = greeting

    @property
    def mariadb(self) -> bool:
        """Whether the server says that it is MariaDB."""
        return self._greeting is not None and "MariaDB" in self._greeting.version

    @property
    def context(self) -> ssl.SSLContext:
        """The TLS context with the authorities that the settings name. A step that uses it needs the step "tls"."""
        assert self._context is not None
        return self._context

    @context.setter
    def context(self, context: ssl.SSLContext) -> None:
        self._context = context

    @property
    def secret(self) -> Secret:
        """What signs in. A step that uses it needs the step "token"."""
        assert self._secret is not None
        return self._secret

    @secret.setter
    def secret(self, secret: Secret) -> None:
        self._secret = secret

    @property
    def session(self) -> Connection:
        """The connection that is signed in. A step that uses it needs the step "sign-in"."""
        assert self.connection is not None
        return self.connection

    @property
    def gives_password(self) -> bool:
        """Whether a password signs in, rather than a token."""
        return self._settings is not None and not self._settings.iam and not self.gives_token

    @property
    def gives_token(self) -> bool:
        """Whether a token that was made elsewhere is given as the password."""
        password = None if self._settings is None else self._settings.password
        return password is not None and "X-Amz-Signature=" in password.reveal()

    def limit(self) -> Limit:
        """Return the limit of a step on the network that begins now."""
        settings = self._settings
        if settings is None:
            return deadlines.within(CONNECT, "the doctor's time for a step")
        why = "RDSPOOL_CONNECT_TIMEOUT" if settings.connect_timeout else "the doctor's time for a step"
        return deadlines.within(settings.connect_timeout or CONNECT, why, settings.deadline_margin)

    def close(self) -> None:
        """Close what the steps have opened."""
        if self.stream is not None:
            self.stream.close()
        if self.connection is not None:
            self.connection.close()
