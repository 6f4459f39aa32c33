"""Run the connection_id example on this machine: build the layer, start a database, an RDS endpoint and a Lambda environment, invoke."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from local import endpoint
from local.environment import Invocation
from local.environment.environment import PYTHONS
from local.errors import LocalError
from local.server import KINDS, Kind

ROOT = Path(__file__).resolve().parent.parent
TASK = ROOT / "examples" / "connection_id"
ARCHITECTURES = {"aarch64": "arm64", "arm64": "arm64"}
FAITHFUL = 60  # pool_recycle of the original experiment, in seconds
SHORT = 3  # seconds
MARGIN = 0.5  # seconds; the pool recycles a connection only if it is older than pool_recycle
WARM = 4
UNEXPECTED, NOT_AVAILABLE, INTERRUPTED = 1, 3, 130


@dataclass(frozen=True)
class Row:
    """One invocation. The names are the keys of --json."""

    invocation: int
    start: str
    connection_id: int
    connection: str
    init_ms: float | None
    duration_ms: float
    round_trips: int


class Unexpected(Exception):
    """The experiment had an unexpected result."""


def build(python: str | None) -> tuple[Path, str]:
    """Build the layer for this machine's architecture, and return the zip and its Python version. Raise LocalError when it fails."""
    command = [str(ROOT / "build.sh"), "--json", "--arch", ARCHITECTURES.get(platform.machine(), "x86_64")]
    done = subprocess.run([*command, *(("--python", python) if python else ())], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise LocalError("the layer was not built; build.sh has printed the reason above")
    manifest = json.loads(done.stdout.splitlines()[-1])
    return ROOT / "dist" / manifest["file"], manifest["compatible_runtimes"][0].removeprefix("python")


def wait(seconds: float, console: Console) -> None:
    """Sleep, with a progress bar if stderr is a terminal."""
    if not console.is_terminal:
        console.print(f"waiting {seconds:g} s until the connection is due for recycling", highlight=False)
        time.sleep(seconds)
        return
    columns = (TextColumn("waiting until the connection is due for recycling"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=seconds)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            progress.update(task, completed=seconds - left)
            time.sleep(min(left, 0.1))


def answered(number: int, invocation: Invocation) -> int:
    """Return the connection id of an invocation. Raise Unexpected with the function's error and output when it failed."""
    if invocation.error is not None:
        raise Unexpected("\n".join([f"invocation {number} failed: {invocation.error}", *invocation.logs]))
    return int(invocation.payload["connection_id"])


def experiment(database: endpoint.Endpoint, layer: Path, python: str, recycle: int, console: Console) -> Iterator[Row]:
    """Invoke the example five times, the last time when its connection is older than `recycle` seconds. Yield the invocations."""
    with console.status("starting the Lambda environment"):
        more = {"RDSPOOL_POOL_RECYCLE": str(recycle)}
        environment = database.environment(layers=[layer], task=TASK, python=python, variables=more).start()
    with environment:
        before = None
        for number in range(1, WARM + 2):
            if number > WARM:
                # Lambda freezes an environment between invocations.
                environment.freeze()
                wait(recycle + MARGIN, console)
                environment.thaw()
            with database.front.count() as count:
                invocation = environment.invoke({})
            connection_id = answered(number, invocation)
            yield Row(
                invocation=number,
                start=invocation.start,
                connection_id=connection_id,
                connection="reused" if connection_id == before else "new",
                init_ms=None if invocation.init_ms is None else round(invocation.init_ms, 1),
                duration_ms=round(invocation.duration_ms or 0, 2),
                round_trips=count.round_trips,
            )
            before = connection_id


def verdict(rows: list[Row]) -> None:
    """Raise Unexpected unless the last invocation got a new connection and all others shared one."""
    seen = [(row.start, row.connection) for row in rows]
    if seen != [("cold", "new"), *[("warm", "reused")] * (WARM - 1), ("warm", "new")]:
        actual = ", ".join(f"{row.invocation}: {row.start} {row.connection} ({row.connection_id})" for row in rows)
        raise Unexpected(
            f"the first {WARM} invocations should share a connection, and the last should have a new one; the result is {actual}"
        )


def table(rows: list[Row]) -> Table:
    """Return the table of the invocations."""
    # Without vertical lines, the table fits into 80 columns.
    shown = Table("invocation", "start", "connection id", "connection", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("init ms", "handler ms", "round trips"):
        shown.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        init = "" if row.init_ms is None else f"{row.init_ms:.1f}"
        cells = (row.invocation, row.start, row.connection_id, row.connection, init, f"{row.duration_ms:.2f}", row.round_trips)
        shown.add_row(*map(str, cells))
    return shown


def run(python: str | None, kind: Kind, faithful: bool, as_json: bool, console: Console) -> None:
    """Run the experiment and print the result to stdout. Raise LocalError when a part is missing, and Unexpected for another result."""
    layer, python = build(python)
    console.print(f"layer: {layer.relative_to(ROOT)}", highlight=False)
    rows = []
    with console.status(f"starting a {kind} server and its RDS endpoint") as status, endpoint.start(kind) as database:
        status.stop()
        console.print(f"server: {kind} {database.server.version}, at {database.front.host}:{database.front.port}", highlight=False)
        for row in experiment(database, layer, python, FAITHFUL if faithful else SHORT, console):
            rows.append(row)
            if as_json:
                click.echo(json.dumps(asdict(row)))
    if not as_json:
        Console().print(table(rows))
    verdict(rows)


@click.command()
@click.option("--python", type=click.Choice(PYTHONS), help="The function's Python.  [default: one that this machine has]")
@click.option("--server", "kind", type=click.Choice(KINDS), default="mysql", show_default=True, help="The database server.")
@click.option("--faithful", is_flag=True, help=f"Wait {FAITHFUL} seconds before the last invocation, as in the original experiment.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per invocation instead of the table.")
def main(python: str | None, kind: Kind, faithful: bool, as_json: bool) -> None:
    """Build the layer, attach it to examples/connection_id in a Lambda environment on this machine, and invoke it five times.

    The first four invocations share a connection. The last one runs after the pool's recycle time and gets a new connection.
    """
    console = Console(stderr=True, soft_wrap=True)
    try:
        run(python, kind, faithful, as_json, console)
    except KeyboardInterrupt:
        console.print("interrupted; the server and the environment are stopped")
        sys.exit(INTERRUPTED)
    except LocalError as error:
        console.print(f"[red]can't run:[/] {escape(str(error))}", highlight=False)
        sys.exit(NOT_AVAILABLE)
    except Unexpected as error:
        console.print(f"[red]unexpected:[/] {escape(str(error))}", highlight=False)
        sys.exit(UNEXPECTED)


if __name__ == "__main__":
    main(prog_name="examples/run.sh")
