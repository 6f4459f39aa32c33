"""Run the rounds. The contenders take turns, so that a disturbance of the machine affects all of them."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from local.environment.quota import quota

from .contenders import BY_NAME
from .measures import SHARES, Share
from .process import Place, Process, WorkerError, worker

VERIFIES = re.compile("certificate|SSL|TLS")
"""A part of the error of a driver that verifies the server."""


@dataclass(frozen=True)
class Effort:
    """The number of repetitions. Medians are taken over rounds. A batch is the number of operations between two readings of the clock."""

    fresh: int
    """Rounds of fresh processes: import, cold connect, memory."""
    imports: int
    """Rounds of fresh processes: import with the ORM, and with SQLAlchemy imported first."""
    processes: int
    """Warm processes of each contender, one after the other: the times of one differ from those of the next by up to a tenth."""
    warm: int
    """Rounds of batches in each of them."""
    batches: dict[str, int]
    quota: dict[str, int]
    """Rounds of fresh processes per share."""
    quota_seconds: float
    """Minimum duration of a batch with a quota. A process without a remaining share waits for the next period, so one operation is too short."""


FULL = Effort(
    fresh=11,
    imports=7,
    processes=7,
    warm=4,
    batches={"reconnect": 5, "autocommit": 200, "select": 200, "write": 100, "rows_few": 100, "rows_many": 2},
    quota={"128mb": 15, "1024mb": 15},
    quota_seconds=0.4,
)
QUICK = Effort(
    fresh=3,
    imports=1,
    processes=1,
    warm=3,
    batches={"reconnect": 2, "autocommit": 50, "select": 50, "write": 25, "rows_few": 25, "rows_many": 1},
    quota={"128mb": 1, "1024mb": 1},
    quota_seconds=0.2,
)


@dataclass
class Observed:
    """The figures by contender and measure, in the units of measures.py."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    drivers: dict[str, str] = field(default_factory=dict)
    """The class of each contender's connection."""
    versions: dict[str, str] = field(default_factory=dict)
    """The versions of the packages in the contenders' processes."""
    load: float = field(default_factory=lambda: round(os.getloadavg()[0], 1))
    """The load average of the minute before the run. Elapsed times are reliable only if it is low."""
    no_quota: str = ""
    """Why there are no figures with a quota; empty if there are."""

    def add(self, contender: str, measure: str, value: float) -> None:
        self.values[contender][measure].append(value)


class Run:
    """A run of the named contenders."""

    def __init__(self, place: Place, names: tuple[str, ...], effort: Effort, progress: Callable[[str], None]) -> None:
        self.place = place
        self.names = names
        self.effort = effort
        self.observed = Observed()
        self._progress = progress

    @property
    def steps(self) -> int:
        """The number of calls of `progress`."""
        effort, names = self.effort, len(self.names)
        fresh = 2 + effort.fresh + 1 + 2 * effort.imports + 1
        warm = effort.processes * (1 + effort.warm * len(effort.batches))
        return names * (fresh + warm + sum(effort.quota.values()))

    def __call__(self) -> Observed:
        self._verify()
        for number in range(self.effort.fresh + 1):
            # The first round fills the bytecode and file caches. Its figures are discarded.
            self._fresh(self.observed if number else Observed())
        for _ in range(self.effort.imports):
            self._imports()
        self._files()
        for number in range(self.effort.processes):
            first = number % len(self.names)  # so that nobody is always behind the same one
            self._warm(self.names[first:] + self.names[:first])
        for share in SHARES:
            for _ in range(self.effort.quota[share.key]):
                self._under_quota(share)
        return self.observed

    def _verify(self) -> None:
        """Raise WorkerError when a contender connects to a server of another authority, or of another name: that takes less time."""
        for name in self.names:
            for what, options in (("authority", {"bundle": "others"}), ("name", {"host": self.place.alias})):
                self._progress(f"{BY_NAME[name].label}: verifies the server's {what}")
                with worker(name, self.place, **options) as process:
                    process.start()
                    reason = process.order("refused")["reason"]
                if not VERIFIES.search(reason):
                    raise WorkerError(f"{name} does not verify the server's {what}: {reason or 'it has connected'}")

    def _fresh(self, observed: Observed) -> None:
        for name in self.names:
            self._progress(f"{BY_NAME[name].label}: import, cold connect")
            with worker(name, self.place) as process:
                started = process.start()
                observed.add(name, "import_cpu", started["cpu"] * 1e3)
                observed.add(name, "start_rss", started["rss_kib"] / 1024)
                with self._counted(observed, name, "cold"):
                    answer = process.order("cold")
                observed.add(name, "cold_cpu", answer["cpu"] * 1e3)
                observed.drivers[name] = answer["driver"]
                observed.versions |= process.order("versions")
                observed.add(name, "cold_rss", process.order("release")["rss_kib"] / 1024)

    def _imports(self) -> None:
        for name in self.names:
            self._progress(f"{BY_NAME[name].label}: import, with the ORM")
            with worker(name, self.place) as process:
                started = process.start("orm")
                self.observed.add(name, "orm_cpu", started["cpu"] * 1e3)
                self.observed.add(name, "orm_rss", started["rss_kib"] / 1024)
            self._progress(f"{BY_NAME[name].label}: import, SQLAlchemy first")
            with worker(name, self.place) as process:
                self.observed.add(name, "first_cpu", process.start("sqlalchemy")["cpu"] * 1e3)

    def _files(self) -> None:
        for name in self.names:
            self._progress(f"{BY_NAME[name].label}: files")
            with worker(name, self.place) as process:
                counted = process.start("files")
                self.observed.add(name, "import_files", counted["files"])
                self.observed.add(name, "orm_files", counted["orm_files"])

    @contextmanager
    def _counted(self, observed: Observed, name: str, what: str, times: int = 1) -> Iterator[None]:
        with self.place.endpoint.front.count() as count:
            yield
        observed.add(name, f"{what}_round_trips", count.round_trips / times)
        if what == "cold":
            observed.add(name, "cold_commands", count.command_count)

    def _warm(self, names: Sequence[str]) -> None:
        with ExitStack() as stack:
            processes = {name: stack.enter_context(worker(name, self.place)) for name in names}
            for number, (name, process) in enumerate(processes.items(), 1):
                self._progress(f"{BY_NAME[name].label}: round trips")
                self._count(name, process, number)
            with_all = {name: stack.enter_context(worker(name, self.place, bundle="all")) for name in names}
            for process in with_all.values():
                process.start()
                process.order("cold")
                process.order("release")
            for _ in range(self.effort.warm):
                for kind, times in self.effort.batches.items():
                    for name in names:
                        self._progress(f"{BY_NAME[name].label}: {kind}")
                        if kind == "reconnect":
                            self._batch(name, "reconnect_all", with_all[name], kind, times)
                        else:
                            processes[name].order("touch", kind=kind)
                        self._batch(name, kind, processes[name], kind, times)
            for name, process in processes.items():
                self.observed.add(name, "peak_rss", process.order("memory")["peak_kib"] / 1024)

    def _batch(self, name: str, measure: str, process: Process, kind: str, times: int) -> None:
        answer = process.order("batch", kind=kind, times=times)
        self.observed.add(name, f"{measure}_cpu", answer["cpu"] * 1e3)
        self.observed.add(name, f"{measure}_wall", answer["wall"] * 1e3)

    def _count(self, name: str, process: Process, counter: int) -> None:
        """Start the worker, warm it up, and count its round trips."""
        process.start()
        process.order("cold")
        process.order("release")
        process.order("end")
        with self._counted(self.observed, name, "reconnect"):
            process.order("checkout")
        process.order("release")
        process.order("prepare", counter=counter)
        for kind, times in self.effort.batches.items():
            if kind == "reconnect":
                continue
            process.order("touch", kind=kind)
            with self._counted(self.observed, name, kind, times):
                process.order("batch", kind=kind, times=times)

    def _under_quota(self, share: Share) -> None:
        for name in self.names:
            self._progress(f"{BY_NAME[name].label}: with {share.share:.1%} of a processor")
            group = quota(share.share)
            if isinstance(group, str):
                self.observed.no_quota = group
                continue
            with worker(name, self.place, quota=group) as process:
                process.start()
                group.limit()  # Lambda does not limit init
                self._add_wall(name, "cold", share, process.order("cold"))
                process.order("release")
                process.order("prepare", counter=1)
                for kind in ("reconnect", "select"):
                    process.order("touch", kind="select")
                    self._add_wall(name, kind, share, process.order("batch", kind=kind, seconds=self.effort.quota_seconds))

    def _add_wall(self, name: str, what: str, share: Share, answer: dict[str, float]) -> None:
        self.observed.add(name, f"{what}_wall_{share.key}", answer["wall"] * 1e3)
