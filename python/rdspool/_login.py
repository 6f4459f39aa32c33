"""What a connection begins with, as the settings say: the login, and the statement that sets the session up."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from ._aws.endpoints import is_proxy
from ._driver import tls
from ._driver.session_start import SessionStart
from ._driver.sign_in import CAPABILITIES, MULTI_STATEMENTS, SESSION_TRACK, Login
from ._lambda import attributes
from .secret import Secret
from .settings import Settings


def session_start(settings: Settings) -> SessionStart:
    """Return what each session starts with."""
    level = settings.isolation_level
    return SessionStart(
        autocommit=level == "AUTOCOMMIT",
        isolation_level=None if level == "AUTOCOMMIT" else level,
        wait_timeout=settings.wait_timeout,
        resets=settings.reset_session,
        tracks=not is_proxy(settings.own_name),
    )


def context(settings: Settings, roots: tuple[str, ...]) -> ssl.SSLContext:
    """Return the TLS context: with the authorities of these PEM files, or one that verifies nothing where the settings say so.

    Raises SettingsError for a file that holds no certificate.
    """
    if not settings.development:
        return tls.context(roots)
    from ._driver import unverified

    return unverified.context()


def login(
    settings: Settings, start: SessionStart, secret: Secret, context: ssl.SSLContext, more: Mapping[str, str], *, token: bool
) -> Login:
    """Return the login of a session that begins with `start`.

    `context` has the authorities that may have signed the server's certificate; `more` are connection attributes beside rdspool's own;
    `token` tells that the secret is an IAM token.
    """
    return Login(
        user=settings.user,
        secret=secret,
        database=settings.database,
        attributes={**attributes.machine(), **attributes.function(), **more},
        tls=context,
        server_name=settings.own_name,
        development=settings.development,
        token=token,
        capabilities=CAPABILITIES
        | (MULTI_STATEMENTS if settings.multi_statements else 0)
        | (SESSION_TRACK if start.resets and start.tracks else 0),
    )
