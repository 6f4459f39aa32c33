"""SnapStart: what must not be in the snapshot, for every environment that is restored from it would share it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Final

logger: Final = logging.getLogger("rdspool")

_restored: bool = False
_watched: bool = False


def ahead() -> bool:
    """Return whether a snapshot is still to be taken of this process: a connection made now would be in it."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start" and not _restored


def watch(before: Callable[[], None], after: Callable[[], None]) -> None:
    """Call `before` before the snapshot, and `after` in each environment that is restored from it. Safe to call again."""
    global _watched
    if _watched or not ahead():
        return
    try:
        import snapshot_restore_py as hooks  # type: ignore[import-not-found, unused-ignore]  # the runtime has it
    except ImportError:
        logger.warning(
            "SnapStart's hooks (snapshot_restore_py) are not here: a connection made during init would be shared by all environments, so "
            "make none there"
        )
        return

    def restored() -> None:
        global _restored
        _restored = True
        after()

    hooks.register_before_snapshot(before)
    hooks.register_after_restore(restored)
    _watched = True
