"""The command line: start server and front, run the rounds, print and write the results."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from local import endpoint
from local.errors import LocalError
from local.server import KINDS, Kind, Server

from . import chart, layers, statements, tables
from .contenders import CONTENDERS, Rdspool
from .contenders.rdspool import Before
from .process import Place
from .results import results
from .rounds import FULL, QUICK, Observed, Run

HERE = Path(__file__).resolve().parent
NAMES = tuple(contender.name for contender in CONTENDERS)
NOT_AVAILABLE = 3


def make_tables(server: Server, counters: int) -> None:
    """Create and fill the tables."""
    connection = server.connect(database=endpoint.DATABASE)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statements.TABLE)
            cursor.executemany(statements.FILL, [statements.row(number) for number in range(1, statements.MANY + 1)])
            cursor.execute(statements.COUNTERS)
            cursor.executemany("INSERT INTO bench_counters VALUES (%s, 0)", [(number,) for number in range(1, counters + 1)])
    finally:
        connection.close()


def built(names: tuple[str, ...], commit: str | None, folder: Path) -> dict[str, Path]:
    """Build the layers that the named contenders need, and return their folders by contender."""
    trees = {Rdspool.name: layers.ROOT} if Rdspool.name in names else {}
    if commit is not None:
        trees[Before.name] = layers.extracted(commit, folder)
    return {name: layers.build(tree, folder / f"layer-{name}") for name, tree in trees.items()}


def observe(place: Place, names: tuple[str, ...], quick: bool, console: Console) -> Observed:
    """Run the rounds with a progress bar on stderr, and return the figures."""
    columns = (BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("")

        def show(what: str) -> None:
            progress.update(task, advance=1, description=escape(what))

        run = Run(place, names, QUICK if quick else FULL, show)
        progress.update(task, total=run.steps)
        return run()


@click.command()
@click.option("--quick", is_flag=True, help="Few repetitions: less than two minutes, rough times, exact counts.")
@click.option("--only", "only", type=click.Choice(NAMES), multiple=True, help="Measure only this contender; may be repeated.")
@click.option("--server", "kind", type=click.Choice(KINDS), default="mysql", show_default=True, help="The database server.")
@click.option("--before", "commit", metavar="COMMIT", help="Also measure the rdspool of this commit, to see the effect of a change.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON instead of the table.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write results.json, results.md and chart.svg to this folder.  [default: tests/bench after a full run of all contenders, otherwise none]",
)
def main(quick: bool, only: tuple[str, ...], kind: Kind, commit: str | None, as_json: bool, output: Path | None) -> None:
    """Measure rdspool and its peers in one run, with a real server behind an RDS front on this machine."""
    console = Console(stderr=True, soft_wrap=True)
    names = tuple(name for name in NAMES if not only or name in only)
    if commit is not None:
        names += (Before.name,)
    if output is None and not quick and names == NAMES and kind == "mysql":
        output = HERE
    try:
        with tempfile.TemporaryDirectory(prefix="rdspool-bench-") as temporary, endpoint.start(kind) as database:
            folder = Path(temporary)
            make_tables(database.server, len(names))
            place = Place(database, folder, built(names, commit, folder))
            observed = observe(place, names, quick, console)
            outcome = results(observed, names, QUICK if quick else FULL, place, quick)
    except LocalError as error:
        console.print(f"[red]can't run:[/] {escape(str(error))}", highlight=False)
        sys.exit(NOT_AVAILABLE)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "results.json").write_text(json.dumps(outcome, indent=2, ensure_ascii=False) + "\n")
        (output / "results.md").write_text(tables.markdown(outcome))
        (output / "chart.svg").write_text(chart.svg(outcome))
        console.print(f"written: {', '.join(('results.json', 'results.md', 'chart.svg'))} in {output}", highlight=False)
    if as_json:
        click.echo(json.dumps(outcome))
    else:
        Console().print(tables.terminal(outcome), highlight=False)


if __name__ == "__main__":
    main(prog_name="tests/bench/run.sh")
