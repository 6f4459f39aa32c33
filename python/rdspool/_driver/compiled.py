"""The driver's part in C, where it is there and wanted: all that it does is done in Python too, for more CPU."""

from __future__ import annotations

import os
from types import ModuleType

try:
    if os.environ.get("RDSPOOL_ROWS") == "python":
        raise ImportError
    from . import _compiled
except ImportError:
    in_c: ModuleType | None = None
else:
    in_c = _compiled
"""The module `_compiled`; None where rows and answers are read in Python."""
