"""What a cold start costs with a layer, against stock of the same versions: `python -m tests.bench.cold_start LAYER.zip`.

Each figure is a median of fresh processes in the local Lambda environment, in turns. CPU is that of the process, from the kernel: the load
of the machine makes it longer, but for each in the same round.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table

from layer import matrix
from layer.building import bytecode, interpreter
from layer.building.imports.archives import FOLDER
from local.environment import Environment

RESULTS = Path(__file__).with_suffix(".json")
HANDLER = """
import os, sys, time
OPENED = set()
if os.environ["FILES"] == "yes":
    sys.addaudithook(lambda event, args: event == "open" and str(args[0]).startswith("/opt/") and OPENED.add(str(args[0])))
BEGAN = time.process_time()
{code}
ENDED = time.process_time()
with open("/proc/self/status") as file:
    RSS = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

def handler(event, context):
    return {{"imports": (ENDED - BEGAN) * 1e3, "init": ENDED * 1e3, "memory": RSS / 1024, "files": len(OPENED)}}
"""
STOCK = """
import sqlalchemy, mysql.connector
engine = sqlalchemy.create_engine("mysql+mysqlconnector://app@database.cluster.eu-central-1.rds.amazonaws.com/shop")
"""
RDSPOOL = """
from rdspool import get_engine
engine = get_engine()
"""
ORM = "import sqlalchemy.orm\n"
PROGRAMS = {
    "empty": ("stock", ""),
    "stock": ("stock", STOCK),
    "stock, ORM": ("stock", STOCK + ORM),
    "rdspool": ("layer", RDSPOOL),
    "rdspool, sqlalchemy first": ("layer", "import sqlalchemy\n" + RDSPOOL),
    "rdspool, ORM": ("layer", RDSPOOL + ORM),
}
"""Per name, which layer it has, and what its module does."""
VARIABLES = {"RDSPOOL_HOST": "database.cluster.eu-central-1.rds.amazonaws.com", "RDSPOOL_USER": "app", "RDSPOOL_DATABASE": "shop"}


def stock(zipped: Path, target: matrix.Target, folder: Path) -> Path:
    """Make a folder of a layer with the same SQLAlchemy and connector, as pip installs them, and return it."""
    with zipfile.ZipFile(zipped) as opened:
        files = {name.removeprefix("python/"): opened.read(name) for name in opened.namelist() if name.startswith("python/")}
    kept = {path: data for path, data in files.items() if not path.startswith(("rdspool", FOLDER)) and "__pycache__" not in path}
    python = bytecode.identify(interpreter.find(target.python, lambda _: None), target.python)
    for path, data in {**kept, **bytecode.compile_all(python, kept)}.items():
        file = folder / "python" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


def measured(target: matrix.Target, layer: Path, code: str, folder: Path, files: bool = False, **variables: str) -> dict[str, float]:
    """Run a function once in a new environment, and return what it has measured of its start."""
    task = Path(tempfile.mkdtemp(dir=folder))
    (task / "handler.py").write_text(HANDLER.format(code=code))
    given = {**VARIABLES, "FILES": "yes" if files else "no", **variables}
    with Environment(task=task, layers=[layer], python=target.python, variables=given) as environment:
        answer = environment.invoke()
    if answer.error:
        raise click.ClickException(f"the function failed: {answer.error}")
    found: dict[str, float] = answer.payload
    return {**found, "wall": answer.init_ms or 0.0}


def figures(zipped: Path, rounds: int, folder: Path) -> dict[str, Any]:
    """Return the medians of each program, and the ratios of the table."""
    target = matrix.parse(zipped.name)
    layers = {"layer": zipped, "stock": stock(zipped, target, folder / "stock")}
    results: dict[str, list[dict[str, float]]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, (which, code) in PROGRAMS.items():
            results[name].append(measured(target, layers[which], code, folder))
    medians = {name: {key: statistics.median(each[key] for each in found) for key in found[0]} for name, found in results.items()}
    for name, (which, code) in PROGRAMS.items():
        medians[name]["files"] = measured(target, layers[which], code, folder, files=True)["files"]

    def ratio(key: str, one: str, other: str, less: str | None = None) -> float:
        """Return the median of a figure's ratio within a round, each less that of another program."""
        base = results[less] if less else [{key: 0.0}] * rounds
        return statistics.median((a[key] - c[key]) / (b[key] - c[key]) for a, b, c in zip(results[one], results[other], base, strict=True))

    return {
        "date": str(dt.datetime.now(dt.UTC).date()),
        "python": target.python,
        "rounds": rounds,
        "medians": medians,
        "ratios": {
            "imports and engine": ratio("imports", "rdspool", "stock"),
            "sqlalchemy imported first": ratio("imports", "rdspool, sqlalchemy first", "stock"),
            "with the ORM": ratio("imports", "rdspool, ORM", "stock, ORM"),
            "init over an empty handler's, CPU": ratio("init", "rdspool", "stock", "empty"),
            "init over an empty handler's, elapsed": ratio("wall", "rdspool", "stock", "empty"),
        },
    }


@click.command()
@click.argument("zipped", metavar="LAYER.zip", type=click.Path(path_type=Path, exists=True))
@click.option("--rounds", default=15, show_default=True, help="Processes per program.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option("--save", is_flag=True, help=f"Write the figures to {RESULTS.relative_to(matrix.PROJECT)}, for the documentation.")
def main(zipped: Path, rounds: int, as_json: bool, save: bool) -> None:
    """Measure the cold start with a layer against stock SQLAlchemy and mysql-connector-python."""
    with tempfile.TemporaryDirectory() as folder:
        found = figures(zipped, rounds, Path(folder))
    if save:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    table = Table(
        "", *(Column(name, justify="right") for name in ("CPU of imports and engine, ms", "resident memory, MiB", "files of the layer"))
    )
    for name, median in found["medians"].items():
        table.add_row(name, f"{median['imports']:.1f}", f"{median['memory']:.1f}", f"{median['files']:.0f}")
    console = Console()
    console.print(table)
    for name, value in found["ratios"].items():
        console.print(f"{name}, rdspool / stock: {value:.2f}", highlight=False)


if __name__ == "__main__":
    main()
