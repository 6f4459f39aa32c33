"""The driver's part in C, where it is there and wanted: all that it does is done in Python too, for more CPU."""

from __future__ import annotations

import os
from types import ModuleType
from typing import TYPE_CHECKING, Any

try:
    if os.environ.get("RDSPOOL_ROWS") == "python":
        raise ImportError
    from . import _compiled
except ImportError:
    in_c: ModuleType | None = None
else:
    in_c = _compiled
"""The module `_compiled`; None where rows and answers are read in Python."""


class _Exchange:
    """What `_compiled.Exchange` is, where that is missing: nothing is exchanged in C, so nothing is found usual."""

    def quiet(self) -> bool:
        """Return False: `at_end()` finds out."""
        return False

    def _usual(self, payload: bytes, known: Any, limits: object, part: float) -> None:
        """Return None: nothing was done."""


if TYPE_CHECKING:
    from ._compiled import Exchange as Exchange
else:
    Exchange = _Exchange if in_c is None else in_c.Exchange
