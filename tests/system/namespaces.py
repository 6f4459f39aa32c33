"""Network namespaces for the scripts beside this, which need no root."""

from __future__ import annotations

import os
from pathlib import Path


def enter(kinds: int) -> None:
    """Go on in a user namespace of its own, whose root is this user, and in new namespaces of these kinds (`os.CLONE_NEW...`)."""
    user, group = os.getuid(), os.getgid()
    os.unshare(os.CLONE_NEWUSER | kinds)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
