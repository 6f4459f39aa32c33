"""Run one action (plan or apply) for all layers in all regions, and record regions that fail or are not enabled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console

from . import fleet, outcome
from .account import Region
from .errors import AwsError
from .outcome import Outcome
from .plan import Wanted
from .publication import row

Action = Callable[[Region, Wanted, Callable[[], bool]], tuple[Outcome, AwsError | None]]


@dataclass(frozen=True)
class Campaign:
    """The layers and options that planning and applying share. An `optional` region that the account has not enabled is not a failure."""

    wanted: Sequence[Wanted]
    optional: frozenset[str]
    parallel: int
    console: Console

    def run(self, regions: Sequence[Region], action: Action, title: str, note: Callable[[Outcome], None], *, keep: bool) -> list[Outcome]:
        """Return a row for each layer in each region, ordered by region. `note` is called with each row as soon as it is complete.

        After Ctrl-C, raise KeyboardInterrupt, or if `keep` return the rows; those of skipped layers say that they were not tried.
        """

        def work(region: Region, step: Callable[[], None], stopped: Callable[[], bool]) -> list[Outcome]:
            rows: list[Outcome] = []
            lost: AwsError | None = None
            for each in self.wanted:
                made = row(region, each)
                if lost:
                    made.fail(f"not tried: {region.name} failed at an earlier layer")
                elif stopped():
                    made.fail("not tried: stopped")
                else:
                    made, lost = action(region, each, stopped)
                if lost and lost.disabled and region.name in self.optional:
                    made.status = outcome.DISABLED
                rows.append(made)
                note(made)
                step()
            return rows

        rows = fleet.over(regions, work, steps=len(self.wanted), title=title, parallel=self.parallel, console=self.console, keep=keep)
        return [made for region in regions for made in rows.get(region) or self._untried(region)]

    def _untried(self, region: Region) -> list[Outcome]:
        rows = [row(region, each) for each in self.wanted]
        for made in rows:
            made.fail("not tried: stopped")
        return rows
