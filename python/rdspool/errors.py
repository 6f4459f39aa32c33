"""The errors of rdspool that need no driver: what is wrong in the settings, the credentials or the function.

Errors of a connection live in `rdspool.diagnosis`: they are subclasses of the driver's own, so that `except
sqlalchemy.exc.OperationalError` catches them.
"""

from __future__ import annotations


class RdspoolError(Exception):
    """Base of all errors that rdspool raises itself."""


class SettingsError(RdspoolError, ValueError):
    """A setting is missing or wrong. The text names the variable or argument, its value (never a secret) and the fix."""


class CredentialsError(RdspoolError):
    """No AWS credentials to sign an IAM token with, or the ones found can't be used."""
