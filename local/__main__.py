"""The command line: `python -m local up` and `python -m local invoke`."""

from __future__ import annotations

import json
import re
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import LocalError
from .missing import explained

with explained("local"):
    import click
    import watchfiles
    from rich.console import Console
    from rich.markup import escape

    from . import databases, endpoint
    from .databases import Databases
    from .endpoint import CA
    from .environment import Environment
    from .environment.environment import PYTHONS
    from .server import KINDS, Kind

WATCH_TIMEOUT = 200  # milliseconds
console = Console(stderr=True, soft_wrap=True, highlight=False)

kind_option = click.option("--server", "kind", type=click.Choice(KINDS), default="mysql", show_default=True, help="The database server.")
iam_option = click.option("--iam/--no-iam", default=True, show_default=True, help="Sign in with IAM, or with a password.")
schema_option = click.option(
    "--sql",
    "schema",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of SQL statements to run in the database first.",
)


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LocalError as error:
            console.print(f"[red]local:[/] {escape(str(error))}")
            sys.exit(1)


@click.group(cls=_Group)
def main() -> None:
    """Run a database with an RDS endpoint, and a Lambda environment, on this machine."""


@main.command()
@kind_option
@iam_option
@schema_option
def up(kind: Kind, iam: bool, schema: Path | None) -> None:
    """Run a database for development until Ctrl-C.

    Prints the variables that rdspool needs as shell commands, for `eval`. The credentials are created for this run and are valid
    only for this database.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    # localhost resolves on every machine, so /etc/hosts needs no entry.
    console.print(f"starting a {kind} server and its RDS endpoint")
    with endpoint.start(kind, iam=iam, host="localhost", schema=schema) as database:
        variables = {**database.variables(str(database.front.ca_file)), "RDSPOOL_REGION": database.front.region}
        for name, value in {**variables, **(database.role() if iam else {})}.items():
            click.echo(f"export {name}={shlex.quote(value)}")
        sys.stdout.flush()
        console.print(
            f"[green]up:[/] {kind} {database.server.version} at localhost:{database.front.port}. Ctrl-C stops it and deletes its data."
        )
        try:
            signal.pause()
        except KeyboardInterrupt:
            console.print("stopped")


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


@main.command()
@click.option("--task", required=True, type=click.Path(exists=True, path_type=Path), help="The function: a folder or a zip.")
@click.option("--handler", default="handler.handler", show_default=True, help="Module and function, as on Lambda.")
@click.option(
    "--layer", "layers", multiple=True, type=click.Path(exists=True, path_type=Path), help="A layer's zip or folder; may be repeated."
)
@click.option("--event", "events", multiple=True, help="JSON, or @FILE; may be repeated, one invocation each.  [default: {}]")
@click.option("--python", type=click.Choice(PYTHONS), default="3.13", show_default=True, help="The function's Python.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="An environment variable of the function; may be repeated.")
@click.option(
    "--memory",
    default=128,
    show_default=True,
    type=click.IntRange(128, 10240),
    help="The function's memory in MB. It is reported to the function, not enforced.",
)
@click.option("--timeout", default=30, show_default=True, type=click.IntRange(1, 900), help="Seconds for each invocation.")
@kind_option
@iam_option
@click.option("--engine", "engines", multiple=True, metavar="NAME", help="get_engine(NAME) has a database of its own; may be repeated.")
@click.option("--reader", metavar="NAME", help="Run a cluster: get_engine() leads to its writer, get_engine(NAME) to its reader.")
@click.option(
    "--sql",
    "schemas",
    multiple=True,
    metavar="[NAME=]FILE",
    help="A file of SQL statements to run first, in the database of get_engine(), or of the --engine NAME; may be repeated.",
)
@click.option("--watch", is_flag=True, help="Run again, with a new environment and the same databases, when files change. Ctrl-C ends it.")
def invoke(
    kind: Kind,
    iam: bool,
    engines: tuple[str, ...],
    reader: str | None,
    schemas: tuple[str, ...],
    watch: bool,
    events: tuple[str, ...],
    assignments: tuple[str, ...],
    **function: Any,
) -> None:
    """Run a function in a Lambda environment with its databases, all on this machine.

    The variables RDSPOOL_HOST and so on name the database, and the function signs in with its role. Results go to stdout, one line per
    invocation. The function's output, the times and the round trips to each database go to stderr. The exit status is 1 if an invocation
    fails.
    """
    for text in events:
        _event(text)  # before anything is started
    variables = dict(_assignment(text) for text in assignments)
    for name in (*engines, *([reader] if reader else [])):
        if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
            raise click.BadParameter(f"{name!r} is no name of an engine: use letters, digits and _", param_hint="--engine or --reader")
    files = dict(_schema(text, engines) for text in schemas)
    console.print(f"starting a {kind} server and its RDS endpoint" if reader is None else "starting a cluster of two servers")
    with databases.start(kind, iam=iam, engines=engines, reader=reader, schemas=files) as running:
        function["variables"] = {**running.variables, "RDSPOOL_CA": CA, **variables}
        if watch:
            signal.signal(signal.SIGTERM, _interrupt)
            try:
                _invoke_again(running, events, function)
            except KeyboardInterrupt:
                console.print("stopped")
        elif not _invoke(running, events, function):
            sys.exit(1)


def _invoke_again(running: Databases, events: Sequence[str], function: dict[str, Any]) -> None:
    """Invoke the function now, and when a file of it, of its layers or of its events has changed. Raise KeyboardInterrupt at Ctrl-C."""
    watched = [function["task"], *function["layers"], *(Path(text[1:]) for text in events if text.startswith("@"))]
    # After its first answer, which is empty, no change is missed, not even one within an invocation.
    for number, changes in enumerate(watchfiles.watch(*watched, yield_on_timeout=True, rust_timeout=WATCH_TIMEOUT)):
        if number == 0 or changes:
            try:
                _invoke(running, events, function)
            except (LocalError, click.BadParameter) as error:
                console.print(f"[red]local:[/] {escape(str(error))}")
            console.print("[green]watching[/] for changes. Ctrl-C ends it.")


def _invoke(running: Databases, events: Sequence[str], function: dict[str, Any]) -> bool:
    """Invoke the function in a new environment, once per event, and print what came of it. Return whether all have succeeded."""
    succeeded = True
    environment = Environment(
        **function,
        credentials=running.credentials,
        region=running.region,
        hosts=running.addresses,
        files={CA: running.ca_file},
    )
    with environment:
        for event in [_event(text) for text in events or ("{}",)]:
            with running.count() as counts:
                invocation = environment.invoke(event)
            for line in invocation.logs:
                console.print(escape(line))
            if invocation.error is None:
                click.echo(json.dumps(invocation.payload))
            else:
                succeeded = False
                console.print(f"[red]failed:[/] {escape(str(invocation.error))}")
            sys.stdout.flush()
            figures = [("init", invocation.init_ms), ("handler", invocation.duration_ms)]
            times = ", ".join(f"{name} {ms:.1f} ms" for name, ms in figures if ms is not None)
            trips = ", ".join(
                f"{count.round_trips} {'to ' + name if name else 'round trips to the database'}" for name, count in counts.items()
            )
            console.print(f"[dim]{invocation.start}: {times or 'no handler was called'}; {trips}[/]")
    return succeeded


def _schema(text: str, engines: Sequence[str]) -> tuple[str | None, Path]:
    name, sign, file = text.partition("=")
    known = bool(sign) and name in engines
    path = Path(file if known else text)
    if not path.is_file():
        raise click.BadParameter(f"{path} is no file; before = can stand the name of an --engine", param_hint="--sql")
    return (name if known else None), path


def _event(text: str) -> Any:
    try:
        return json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except OSError as error:
        raise click.BadParameter(f"{text[1:]} can't be read: {error.strerror}", param_hint="--event") from error
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not valid JSON: {error}", param_hint="--event") from error


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--set")
    return name, value


if __name__ == "__main__":
    with explained("local"):
        main(prog_name="python -m local")
