"""The error that the layer's commands raise. The user sees its text as one line, without a traceback."""

from __future__ import annotations


class LayerError(Exception):
    """A failure of a command. The text says what failed, which file or setting is concerned, and what to do."""
