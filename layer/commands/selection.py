"""The options with which the commands select layers, regions and accounts in AWS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from .. import matrix
from ..errors import LayerError
from ..matrix import Target

if TYPE_CHECKING:
    from ..publishing.account import Account, Region
    from ..publishing.stages import Stage
    from ..publishing.survey import Survey

ALL = "all"
_TIMEOUT = 20.0  # seconds
_PARALLEL = 8


@dataclass(frozen=True)
class Selection:
    """The values of the options. `timeout` is in seconds; `stage_name` and `regions` are empty if they are optional and not given."""

    stage_name: str
    regions: str
    accounts: tuple[str, ...]
    timeout: float
    parallel: int
    pythons: tuple[str, ...]
    architectures: tuple[str, ...]

    def stage(self) -> Stage:
        """Return the stage."""
        from ..publishing import stages

        return stages.stage(self.stage_name)

    def completed(self) -> Selection:
        """Return the selection with defaults: the stage prod, and the region of AWS's configuration. Raise LayerError when it has none."""
        from ..publishing.account import configured_region

        regions = self.regions or ",".join(dict.fromkeys(map(configured_region, self.accounts or (None,))))
        return replace(self, stage_name=self.stage_name or "prod", regions=regions)

    def targets(self) -> list[Target]:
        """Return the targets of layer/matrix.toml that --python and --arch select."""
        return [
            target
            for target in matrix.targets()
            if target.python in (self.pythons or [target.python]) and target.architecture in (self.architectures or [target.architecture])
        ]

    def region_names(self) -> tuple[list[str], frozenset[str]]:
        """Return the names of the regions, and those of them that the account need not have enabled. Raise LayerError for an unknown name."""
        known = matrix.partitions().values()
        if self.regions == ALL:
            names = [name for partition in known for name in partition.all_regions]
            return names, frozenset(name for partition in known for name in partition.opt_in_regions)
        named = list(dict.fromkeys(name.strip() for name in self.regions.split(",") if name.strip()))
        if not named:
            raise LayerError("--regions names no region: give all, or names such as eu-west-1,eu-central-1")
        for name in named:
            if not any(name in partition.all_regions for partition in known):
                have = "; ".join(f"{each.name}: {', '.join(each.all_regions) or 'none yet'}" for each in known)
                raise LayerError(f"{name} is not a region of layer/matrix.toml, which has, by partition of AWS, {have}")
        return named, frozenset()

    def open_accounts(self, console: Console) -> list[Account]:
        """Return the accounts, and print each on `console`. Raise LayerError when one can't be opened, or two names mean the same account."""
        from ..publishing.account import open_account

        partitions = {matrix.partition_of(name) for name in self.region_names()[0]}
        partition = partitions.pop() if len(partitions) == 1 else None
        opened: dict[tuple[str, str], Account] = {}
        for name in self.accounts or (None,):
            with console.status(f"asking AWS for the account ({escape(name or 'default credentials')})"):
                account = open_account(name, self.timeout, partition)
            key = (account.partition, account.id)
            if key in opened:
                raise LayerError(f"{account.label} and {opened[key].label} are the same account, {account.id}: name it once")
            opened[key] = account
            console.print(f"account {account.id} as {account.arn}", highlight=False, soft_wrap=True)
        return list(opened.values())

    def regions_of(self, accounts: list[Account]) -> list[Region]:
        """Return the selected regions of each account's partition, account by account.

        Raise LayerError when there is none for an account, or no account for a region that is named.
        """
        names, _ = self.region_names()
        by_partition: dict[str | None, list[str]] = {}
        for name in names:
            by_partition.setdefault(matrix.partition_of(name), []).append(name)
        for account in accounts:
            if account.partition not in by_partition:
                raise LayerError(_misfit(account, {} if self.regions == ALL else by_partition))
        found = [account.region(name) for account in accounts for name in by_partition[account.partition]]
        if self.regions != ALL and (without := by_partition.keys() - {account.partition for account in accounts}):
            left = "; ".join(f"{', '.join(by_partition[partition])} ({partition})" for partition in sorted(map(str, without)))
            raise LayerError(
                f"no account is given for {left}: an account works in its own partition of AWS only. Name a profile or a role of that"
                " partition with --account too, or leave those regions out"
            )
        return found

    def survey(self, console: Console, *, with_users: bool = False) -> Survey:
        """Return the published versions of the layers in all regions and accounts, and if `with_users` the functions that use them."""
        from ..publishing import survey

        _, optional = self.region_names()
        return survey.survey(
            self.regions_of(self.open_accounts(console)),
            self.stage(),
            self.targets(),
            optional=optional,
            parallel=self.parallel,
            console=console,
            with_users=with_users,
        )


def _misfit(account: Account, named: dict[str | None, list[str]]) -> str:
    """Return the error message for an account that has none of the regions, which are all of the matrix if `named` is empty."""
    about = f"the account {account.id} ({account.label}) is in AWS's partition {account.partition}"
    own = matrix.partitions().get(account.partition)
    if not own or not own.all_regions:
        return f"{about}, of which layer/matrix.toml has no regions: rdspool ships no roots for databases there"
    others = "; ".join(f"{', '.join(names)} ({partition})" for partition, names in named.items())
    return (
        f"{about}, and --regions names only regions of others: {others}. Name regions of {account.partition}"
        f" ({', '.join(own.all_regions)}), or a profile or a role of the other partition with --account"
    )


def selection_options(command: Callable[..., Any], *, required: bool = True) -> Callable[..., Any]:
    """Add the options to a command, which gets their values as the argument `selection`. `required`: --stage and --regions must be given."""

    @wraps(command)
    def with_selection(**values: Any) -> Any:
        selection = Selection(**{each.name: values.pop(each.name) for each in fields(Selection)})
        return command(selection=selection, **values)

    options = (
        click.option(
            "--stage",
            "stage_name",
            required=required,
            callback=_text,
            type=click.Choice(list(matrix.section("stage"))),
            help="Which set of layer names.",
        ),
        click.option(
            "--regions", required=required, callback=_text, metavar="all|A,B,...", help="Names, or all: the regions of layer/matrix.toml."
        ),
        click.option(
            "--account",
            "accounts",
            multiple=True,
            metavar="PROFILE|ROLE-ARN",
            help="An account, by a profile or by a role to assume; may be repeated. Default: the credentials that boto3 finds.",
        ),
        click.option(
            "--timeout", type=click.FloatRange(1), default=_TIMEOUT, show_default=True, help="Seconds to wait for an answer of a region."
        ),
        click.option("--parallel", type=click.IntRange(1, 64), default=_PARALLEL, show_default=True, help="Regions at a time."),
        *(
            click.option(name, f"{kind}s", multiple=True, type=click.Choice(matrix.names(kind)), help="May be repeated. Default: all.")
            for name, kind in (("--python", "python"), ("--arch", "architecture"))
        ),
    )
    decorated: Callable[..., Any] = with_selection
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def _text(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str:
    return value or ""
