"""What is done from a second connection, in the time that an invocation has left, where the first one can't do it any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from . import deadlines
from ._driver.sign_in import Login
from .deadlines import Limit
from .errors import ConnectTimeoutError, CredentialsError
from .settings import Settings

SECONDS: Final = 1.0
"""Seconds that it may take: the caller waits for it, on top of what it has waited for the statement."""


class SecondConnections:
    """Signs in beside a connection of one engine."""

    def __init__(self, settings: Settings, login: Callable[[Limit], Login]) -> None:
        """Take what makes the login, before a limit. It raises CredentialsError and ConnectTimeoutError."""
        self._settings = settings
        self._login = login

    def end_session(self, address: str, from_port: int, connection_id: int, statement: bytes) -> str:
        """End the session of a statement that was given up, and return what came of it."""
        from ._driver.given_up import GivenUp, end_session

        settings = self._settings
        limit = deadlines.within(SECONDS, "the time to end a statement", settings.deadline_margin, deadlines.CLEANING)
        try:
            login = self._login(limit)
        except (CredentialsError, ConnectTimeoutError) as error:
            return f"The statement may go on on the server (connection {connection_id}): nothing can sign in to end it ({error})."
        return end_session(settings.host, settings.port, login, GivenUp(address, from_port, connection_id, statement), limit)

    def packet_limit(self, address: str) -> int | None:
        """Return the max_allowed_packet of the server at `address` in bytes, None where it does not say."""
        from ._driver.beside import packet_limit

        settings = self._settings
        limit = deadlines.within(SECONDS, "the time to ask for max_allowed_packet", settings.deadline_margin, deadlines.CLEANING)
        try:
            return packet_limit(address, settings.host, settings.port, self._login(limit), limit)
        except (CredentialsError, ConnectTimeoutError):
            return None
