"""The command line: `python -m local up` and `python -m local invoke`."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

from .errors import LocalError
from .missing import explained

with explained("local"):
    import click
    from rich.console import Console
    from rich.markup import escape

    from . import endpoint
    from .environment import Environment
    from .environment.environment import PYTHONS
    from .server import KINDS, Kind

CA = "/etc/ssl/certs/rdspool-test-ca.pem"
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
@schema_option
def invoke(
    task: Path,
    handler: str,
    layers: tuple[Path, ...],
    events: tuple[str, ...],
    python: str,
    assignments: tuple[str, ...],
    memory: int,
    timeout: int,
    kind: Kind,
    iam: bool,
    schema: Path | None,
) -> None:
    """Run a function in a Lambda environment with a database, both on this machine.

    The variables RDSPOOL_HOST and so on name the database, and the function signs in with its role. Results go to stdout, one line per
    invocation. The function's output and the times go to stderr. The exit status is 1 if an invocation fails.
    """
    parsed = [_event(text) for text in events or ("{}",)]
    variables = dict(_assignment(text) for text in assignments)
    failed = False
    console.print(f"starting a {kind} server and its RDS endpoint")
    with endpoint.start(kind, iam=iam, schema=schema) as database:
        environment = Environment(
            layers=layers,
            task=task,
            handler=handler,
            python=python,
            variables={**database.variables(CA), **variables},
            credentials=database.credentials,
            region=database.front.region,
            memory=memory,
            timeout=timeout,
            hosts={database.front.host: database.front.address},
            files={CA: database.front.ca_file},
        )
        with environment:
            for event in parsed:
                with database.front.count() as count:
                    invocation = environment.invoke(event)
                for line in invocation.logs:
                    console.print(escape(line))
                if invocation.error is None:
                    click.echo(json.dumps(invocation.payload))
                else:
                    failed = True
                    console.print(f"[red]failed:[/] {escape(str(invocation.error))}")
                figures = [("init", invocation.init_ms), ("handler", invocation.duration_ms)]
                times = ", ".join(f"{name} {ms:.1f} ms" for name, ms in figures if ms is not None)
                console.print(
                    f"[dim]{invocation.start}: {times or 'no handler was called'}; {count.round_trips} round trips to the database[/]"
                )
    if failed:
        sys.exit(1)


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
