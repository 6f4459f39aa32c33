"""The command line: `python -m layer COMMAND`."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from layer.commands.build import build
from layer.commands.catalog import catalog
from layer.commands.inspect import inspect
from layer.commands.list import list_command
from layer.commands.lock import lock
from layer.commands.prune import prune
from layer.commands.publish import publish
from layer.commands.roots import roots_command
from layer.commands.share import share
from layer.commands.sign import sign
from layer.commands.verify import verify_command
from layer.errors import LayerError
from local.errors import LocalError


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (LayerError, LocalError) as error:
            Console(stderr=True, soft_wrap=True).print(f"[red]layer:[/] {escape(str(error))}", highlight=False)
            sys.exit(1)


@click.group(cls=_Group)
def main() -> None:
    """Build, inspect, verify and publish rdspool's Lambda layer."""


for command in (build, catalog, inspect, list_command, lock, prune, publish, roots_command, share, sign, verify_command):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m layer")
