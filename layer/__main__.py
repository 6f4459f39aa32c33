"""The command line: `python -m layer COMMAND`."""

from __future__ import annotations

import sys
from typing import Any

from local.errors import LocalError
from local.missing import explained

from .errors import LayerError

with explained("layer"):
    import click
    from rich.console import Console
    from rich.markup import escape

    from .commands.build import build
    from .commands.canary import canary
    from .commands.catalog import catalog
    from .commands.distributions import distributions_command
    from .commands.imports import imports_command
    from .commands.inspect import inspect
    from .commands.list import list_command
    from .commands.lock import lock
    from .commands.prune import prune
    from .commands.publish import publish
    from .commands.rollback import rollback
    from .commands.roots import roots_command
    from .commands.sar import sar
    from .commands.share import share
    from .commands.sign import sign
    from .commands.verify import verify_command


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


for command in (
    build,
    canary,
    catalog,
    distributions_command,
    imports_command,
    inspect,
    list_command,
    lock,
    prune,
    publish,
    rollback,
    roots_command,
    sar,
    share,
    sign,
    verify_command,
):
    main.add_command(command)

if __name__ == "__main__":
    with explained("layer"):
        main(prog_name="python -m layer")
