"""The errors of local/."""

from __future__ import annotations


class LocalError(Exception):
    """A part of local/ is missing or has failed. The text says which one, why, and what to do."""


class NotHereError(LocalError):
    """This kind of machine can't get the part in this way. Another way may work."""
