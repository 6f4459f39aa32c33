"""Read the published versions of many regions in parallel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape

from ..matrix import Target
from . import fleet, inventory
from .account import Region
from .errors import AwsError
from .inventory import Entry
from .stages import Stage


@dataclass
class Survey:
    """The result of reading many regions.

    unread: regions that failed, with the reason. disabled: optional regions that the account has not enabled.
    """

    entries: list[Entry] = field(default_factory=list)
    users: dict[Region, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    unread: dict[Region, str] = field(default_factory=dict)
    disabled: list[Region] = field(default_factory=list)

    def layers(self) -> list[list[Entry]]:
        """Return the entries by layer, region and account: each list has all versions of one, newest first."""
        groups: dict[tuple[Region, str], list[Entry]] = {}
        for entry in self.entries:
            groups.setdefault((entry.region, entry.layer), []).append(entry)
        return list(groups.values())

    def print_unread(self, console: Console) -> bool:
        """Print the regions that were not read. Return whether every region that is not optional was read."""
        for region in self.disabled:
            console.print(f"[dim]disabled[/] {region}: not enabled in the account", highlight=False)
        for region, why in self.unread.items():
            console.print(f"[red]failed[/] {region}: {escape(why)}", highlight=False, soft_wrap=True)
        return not self.unread


def survey(
    regions: Sequence[Region],
    stage: Stage,
    targets: Sequence[Target],
    *,
    optional: frozenset[str],
    parallel: int,
    console: Console,
    with_users: bool = False,
) -> Survey:
    """Return the versions of these layers in all regions, and if `with_users` the functions that use them."""
    found = Survey()
    read = tuple[list[Entry], dict[str, tuple[str, ...]]]

    def work(region: Region, step: Callable[[], None], _: Callable[[], bool]) -> read | AwsError:
        try:
            return inventory.read(region, stage, targets), inventory.users(region) if with_users else {}
        except AwsError as error:
            return error
        finally:
            step()

    answers = fleet.over(regions, work, steps=1, title="reading", parallel=parallel, console=console)
    for region in regions:
        answer = answers.get(region)
        if isinstance(answer, AwsError) and answer.disabled and region.name in optional:
            found.disabled.append(region)
        elif answer is None or isinstance(answer, AwsError):
            found.unread[region] = str(answer or "stopped before it was read")
        else:
            found.entries += answer[0]
            found.users[region] = answer[1]
    return found
