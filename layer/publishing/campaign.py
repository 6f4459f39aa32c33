"""One act, plan or apply, on all layers in all regions; and how a region that is lost or not enabled counts."""

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

Act = Callable[[Region, Wanted, Callable[[], bool]], tuple[Outcome, AwsError | None]]


@dataclass(frozen=True)
class Campaign:
    """What is common to planning and applying. In the `optional` regions it is no failure that the account has not enabled them."""

    wanted: Sequence[Wanted]
    optional: frozenset[str]
    parallel: int
    console: Console

    def run(self, regions: Sequence[Region], act: Act, title: str, note: Callable[[Outcome], None], *, keep: bool) -> list[Outcome]:
        """Returns a row for each layer in each region, by region; `note` is called with each row of a region as soon as it is there.

        After Ctrl-C it raises KeyboardInterrupt, or with `keep` returns the rows, which say what was not come to.
        """

        def work(region: Region, step: Callable[[], None], stopped: Callable[[], bool]) -> list[Outcome]:
            rows: list[Outcome] = []
            lost: AwsError | None = None
            for each in self.wanted:
                made = row(region, each)
                if lost:
                    made.fail(f"not tried: {region.name} failed at a layer before")
                elif stopped():
                    made.fail("not tried: stopped")
                else:
                    made, lost = act(region, each, stopped)
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
