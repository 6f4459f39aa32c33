"""The measures: name, unit and position in the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["commands", "round trips", "files", "ms of CPU", "ms", "MiB"]


@dataclass(frozen=True)
class Measure:
    """A row of the table. Less is better in all rows."""

    key: str
    section: str
    title: str
    unit: Unit
    brief: str = ""
    """The title for the chart, which has no section headings."""

    @property
    def spread(self) -> bool:
        """Whether the table shows the range of the middle half of the figures."""
        return self.unit == "ms"

    @property
    def exact(self) -> bool:
        """Whether the figure is a count and not a time."""
        return self.unit in ("commands", "round trips", "files")


COUNTS = "Round trips"
FILES = "Files opened"
PROCESSOR = "CPU time, ms"
MEMORY = "Resident memory, MiB"

MEASURES: tuple[Measure, ...] = (
    Measure("cold_commands", COUNTS, "commands from sign-in to the first row", "commands"),
    Measure("cold_round_trips", COUNTS, "cold connect to the first row", "round trips"),
    Measure("reconnect_round_trips", COUNTS, "reconnect", "round trips"),
    Measure("autocommit_round_trips", COUNTS, "warm SELECT, AUTOCOMMIT", "round trips"),
    Measure("select_round_trips", COUNTS, "warm SELECT + ROLLBACK", "round trips"),
    Measure("write_round_trips", COUNTS, "warm UPDATE + COMMIT", "round trips"),
    Measure("import_files", FILES, "import and engine", "files", "files opened by import and engine"),
    Measure("orm_files", FILES, "import and engine, with the ORM", "files"),
    Measure("import_cpu", PROCESSOR, "import and engine", "ms of CPU"),
    Measure("first_cpu", PROCESSOR, "import and engine, SQLAlchemy imported first", "ms of CPU"),
    Measure("orm_cpu", PROCESSOR, "import and engine, with the ORM", "ms of CPU"),
    Measure("cold_cpu", PROCESSOR, "cold connect to the first row", "ms of CPU"),
    Measure("reconnect_cpu", PROCESSOR, "reconnect", "ms of CPU"),
    Measure("reconnect_all_cpu", PROCESSOR, "reconnect, with the authorities of all regions", "ms of CPU"),
    Measure("autocommit_cpu", PROCESSOR, "warm SELECT, AUTOCOMMIT", "ms of CPU"),
    Measure("select_cpu", PROCESSOR, "warm SELECT + ROLLBACK", "ms of CPU"),
    Measure("write_cpu", PROCESSOR, "warm UPDATE + COMMIT", "ms of CPU"),
    Measure("rows_few_cpu", PROCESSOR, "SELECT of 10 rows of 9 columns", "ms of CPU"),
    Measure("rows_many_cpu", PROCESSOR, "SELECT of 10,000 rows of 9 columns", "ms of CPU"),
    Measure("start_rss", MEMORY, "after import and engine", "MiB"),
    Measure("orm_rss", MEMORY, "after import and engine, with the ORM", "MiB"),
    Measure("cold_rss", MEMORY, "after the first query", "MiB"),
    Measure("peak_rss", MEMORY, "maximum, including 10,000 rows", "MiB"),
)


@dataclass(frozen=True)
class Share:
    """A function's memory and its share of a processor. 1,769 MB correspond to one processor (AWS Lambda Developer Guide)."""

    key: str
    memory_mb: int
    share: float


SHARES = (Share("128mb", 128, 0.072), Share("1024mb", 1024, 0.579))
UNDER_QUOTA = (
    ("cold_wall", "cold connect to the first row"),
    ("reconnect_wall", "reconnect"),
    ("select_wall", "warm SELECT + ROLLBACK"),
)


def under_quota(share: Share) -> tuple[Measure, ...]:
    """Return the measures for a share."""
    section = f"Elapsed time, ms, with {share.memory_mb:,} MB ({share.share:.1%} of a processor)"
    return tuple(Measure(f"{key}_{share.key}", section, title, "ms", f"{title}, {share.memory_mb:,} MB") for key, title in UNDER_QUOTA)


ALL = (*MEASURES, *(measure for share in SHARES for measure in under_quota(share)))
"""All possible rows."""
