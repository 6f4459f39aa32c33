"""Errors of the environment. Errors of the function are in its Invocation."""

from __future__ import annotations

from ..errors import LocalError


class LambdaEnvironmentError(LocalError):
    """The Lambda environment can't be created or has ended. The message says why and what to do."""


class PartMissingError(LambdaEnvironmentError):
    """A part of the environment (emulator, runtime client, sandbox, Python) is not available on this machine."""
