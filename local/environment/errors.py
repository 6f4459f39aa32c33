"""What goes wrong around a function, as opposed to within it: that is an Invocation's error."""

from __future__ import annotations

from ..errors import LocalError


class LambdaEnvironmentError(LocalError):
    """The Lambda environment can't be made or has gone; the message says what happened and what to do."""


class PartMissingError(LambdaEnvironmentError):
    """A part of the environment (emulator, runtime client, sandbox, Python) can't be had on this machine."""
