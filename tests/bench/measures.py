"""What is measured: each figure's name, unit and place in the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["commands", "round trips", "ms of CPU", "ms", "MiB"]


@dataclass(frozen=True)
class Measure:
    """One row of the table. Less is better, in all of them."""

    key: str
    section: str
    title: str
    unit: Unit
    brief: str = ""
    """The title where the section does not stand above it."""

    @property
    def exact(self) -> bool:
        """Whether it is counted, not timed."""
        return self.unit in ("commands", "round trips")


COUNTS = "Round trips"
PROCESSOR = "CPU time, ms"
MEMORY = "Resident memory, MiB"

MEASURES: tuple[Measure, ...] = (
    Measure("cold_commands", COUNTS, "commands from sign-in to the first row", "commands"),
    Measure("cold_round_trips", COUNTS, "cold connect to the first row", "round trips"),
    Measure("reconnect_round_trips", COUNTS, "reconnect", "round trips"),
    Measure("autocommit_round_trips", COUNTS, "warm SELECT, AUTOCOMMIT", "round trips"),
    Measure("select_round_trips", COUNTS, "warm SELECT + ROLLBACK", "round trips"),
    Measure("write_round_trips", COUNTS, "warm UPDATE + COMMIT", "round trips"),
    Measure("import_cpu", PROCESSOR, "import and engine", "ms of CPU"),
    Measure("import_over_cpu", PROCESSOR, "… over the imports of SQLAlchemy and the connector alone", "ms of CPU"),
    Measure("cold_cpu", PROCESSOR, "cold connect to the first row", "ms of CPU"),
    Measure("reconnect_cpu", PROCESSOR, "reconnect", "ms of CPU"),
    Measure("reconnect_all_cpu", PROCESSOR, "reconnect, with the authorities of all regions", "ms of CPU"),
    Measure("autocommit_cpu", PROCESSOR, "warm SELECT, AUTOCOMMIT", "ms of CPU"),
    Measure("select_cpu", PROCESSOR, "warm SELECT + ROLLBACK", "ms of CPU"),
    Measure("write_cpu", PROCESSOR, "warm UPDATE + COMMIT", "ms of CPU"),
    Measure("rows_few_cpu", PROCESSOR, "SELECT of 10 rows of 9 columns", "ms of CPU"),
    Measure("rows_many_cpu", PROCESSOR, "SELECT of 10,000 rows of 9 columns", "ms of CPU"),
    Measure("start_rss", MEMORY, "after import and engine", "MiB"),
    Measure("cold_rss", MEMORY, "after the first query", "MiB"),
    Measure("peak_rss", MEMORY, "at its highest, 10,000 rows included", "MiB"),
)


@dataclass(frozen=True)
class Share:
    """A function's memory and the share of a processor that comes with it: 1,769 MB are one processor (AWS Lambda Developer Guide)."""

    key: str
    memory_mb: int
    share: float


SHARES = (Share("128mb", 128, 0.072), Share("1024mb", 1024, 0.579))
UNDER_QUOTA = (
    ("import_wall", "import and engine"),
    ("cold_wall", "cold connect to the first row"),
    ("reconnect_wall", "reconnect"),
    ("select_wall", "warm SELECT + ROLLBACK"),
)


def under_quota(share: Share) -> tuple[Measure, ...]:
    """Return the measures of that share."""
    section = f"Elapsed time, ms, at the {share.share:.1%} of a processor of {share.memory_mb:,} MB"
    return tuple(
        Measure(f"{key}_{share.key}", section, title, "ms", f"{title}, at the CPU share of {share.memory_mb:,} MB")
        for key, title in UNDER_QUOTA
    )


ALL = (*MEASURES, *(measure for share in SHARES for measure in under_quota(share)))
"""Every row that there can be."""
