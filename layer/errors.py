"""The one error that the layer's commands raise on purpose: shown to the user as a line, without a traceback."""

from __future__ import annotations


class LayerError(Exception):
    """Says what happened, to which file or setting, and what to do about it."""
