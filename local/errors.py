"""What goes wrong on this machine, told to its user."""

from __future__ import annotations


class LocalError(Exception):
    """A part of local/ can't be had or failed: the text says which, why and what to do."""


class NotHereError(LocalError):
    """This machine is not of the kind that can have the part this way; another way may do."""
