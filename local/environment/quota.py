"""Limit processes to a share of one processor with a control group."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

PERIOD_US = 20_000  # the kernel's default of 100 ms would give the same share with longer pauses
SMALLEST_US = 1_000  # the kernel's minimum


@dataclass
class Quota:
    """A control group. It is unlimited until `limit()`, because on Lambda init runs at full speed and the handler does not."""

    folder: Path
    share: float
    unified: bool

    def prefix(self) -> list[str]:
        """Return the beginning of a command line that joins the group and then runs the rest of the line."""
        return ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self.folder / "cgroup.procs")]

    def limit(self) -> None:
        """Apply the limit. Raise OSError when the kernel rejects it."""
        period = max(PERIOD_US, round(SMALLEST_US / self.share))
        quota = round(period * self.share)
        if self.unified:
            (self.folder / "cpu.max").write_text(f"{quota} {period}")
        else:
            (self.folder / "cpu.cfs_period_us").write_text(str(period))
            (self.folder / "cpu.cfs_quota_us").write_text(str(quota))

    def remove(self) -> None:
        self.folder.rmdir()


def quota(share: float) -> Quota | str:
    """Return a group for the share of one processor (0.072 is Lambda's share for 128 MB), or the reason why there is none."""
    if not 0 < share <= 64:
        raise ValueError(f"cpu_share={share}: give a share of one processor, such as 0.072 for a function of 128 MB")
    parent, unified = _parent()
    if parent is None:
        return "no CPU quota: this machine has no cpu controller for control groups (neither cgroup v1 nor v2 under /sys/fs/cgroup)"
    folder = parent / f"rdspool-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        folder.mkdir()
    except OSError as error:
        return f"no CPU quota: can't create a control group in {parent} ({error.strerror}); run as root, or without cpu_share"
    return Quota(folder, share, unified)


def _parent() -> tuple[Path | None, bool]:
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path))
    base = Path("/sys/fs/cgroup")
    if "cpu" in own:
        mount = next((folder for name in ("cpu", "cpu,cpuacct") if (folder := base / name).is_dir()), None)
        if mount is not None:
            inside = mount / own["cpu"].lstrip("/")
            # In a container, this path of the host may not exist.
            return (inside if inside.is_dir() else mount), False
    enabled = base / "cgroup.subtree_control"
    if enabled.is_file() and "cpu" in enabled.read_text().split():
        return base, True
    return None, True
