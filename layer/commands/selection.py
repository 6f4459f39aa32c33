"""Options that the commands about AWS share: which layers, which accounts, which regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from .. import matrix
from ..errors import LayerError
from ..matrix import Target

if TYPE_CHECKING:
    from ..publishing.account import Account, Region

ALL = "all"
_TIMEOUT = 20.0  # seconds
_PARALLEL = 8


def targets_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--python and --arch, each of which may be repeated; without them, every layer of the matrix."""
    for option, kind in (("--arch", "architecture"), ("--python", "python")):
        text = "May be repeated. Default: all."
        command = click.option(option, f"{kind}s", multiple=True, type=click.Choice(matrix.names(kind)), help=text)(command)
    return command


def aws_options(command: Callable[..., Any], *, required: bool = True) -> Callable[..., Any]:
    """--stage, --regions, --account, --timeout and --parallel; the first two may be left out unless `required`."""
    stages = list(matrix.section("stage"))
    options = (
        click.option("--stage", "stage_name", required=required, type=click.Choice(stages), help="Which set of layer names."),
        click.option("--regions", required=required, metavar="all|A,B,...", help="all: those of layer/matrix.toml."),
        click.option(
            "--account",
            "accounts",
            multiple=True,
            metavar="PROFILE|ROLE-ARN",
            help="An account, by a profile of yours or a role to take; may be repeated. Default: the credentials that boto3 finds.",
        ),
        click.option(
            "--timeout", type=click.FloatRange(1), default=_TIMEOUT, show_default=True, help="Seconds that a region may be silent."
        ),
        click.option("--parallel", type=click.IntRange(1, 64), default=_PARALLEL, show_default=True, help="Regions at a time."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def chosen_targets(pythons: Sequence[str], architectures: Sequence[str]) -> list[Target]:
    """Returns the layers of the matrix that the options name."""
    return [
        target
        for target in matrix.targets()
        if target.python in (pythons or [target.python]) and target.architecture in (architectures or [target.architecture])
    ]


def region_names(text: str) -> tuple[list[str], frozenset[str]]:
    """Returns the regions that --regions names, and those of them that an account need not have enabled."""
    section = matrix.section("publish")
    if text == ALL:
        return sorted(section["regions"] + section["opt_in_regions"]), frozenset(section["opt_in_regions"])
    known = {*section["regions"], *section["opt_in_regions"]}
    named = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not named:
        raise LayerError("--regions names none: give all, or such as eu-west-1,eu-central-1")
    for name in named:
        if name not in known:
            raise LayerError(f"{name} is not a region of layer/matrix.toml, which has {', '.join(sorted(known))}")
    return named, frozenset()


def open_accounts(names: Sequence[str], timeout: float, console: Console) -> list[Account]:
    """Returns the accounts, each told on stderr. Raises LayerError; the same account named twice is one."""
    from ..publishing.account import open_account

    opened: dict[str, Account] = {}
    wanted: Sequence[str | None] = names or [None]
    for name in wanted:
        with console.status(f"asking who the caller is ({escape(name or 'default credentials')})"):
            account = open_account(name, timeout)
        if account.id in opened:
            raise LayerError(f"{account.label} and {opened[account.id].label} are the same account, {account.id}: name it once")
        opened[account.id] = account
        console.print(f"account {account.id} as {account.arn}", highlight=False, soft_wrap=True)
    return list(opened.values())


def regions_of(accounts: Sequence[Account], names: Sequence[str]) -> list[Region]:
    return [account.region(name) for account in accounts for name in names]
