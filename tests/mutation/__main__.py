"""Breaks python/rdspool in one place after the other and counts which mutants the unit tests notice: `python -m tests.mutation`."""

from __future__ import annotations

import compileall
import json
import os
import py_compile
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import click
from rich.console import Console

from layer.building import extension
from tests.mutation import report
from tests.mutation.choice import Choice
from tests.mutation.mutants import PACKAGE, difference, modules, mutants

ROOT = Path.cwd()
LOWEST = 0.85
"""Share of the mutants that tests/unit has to notice."""
NOT_OF_RDSPOOL = "layer typed workflows publishing front house certificates"
"""Beginnings of the names of the unit tests of other things; test_house and test_typed_face read the source instead of running it."""
PATIENCE = 8.0
"""Seconds beyond six times what its tests take without a mutant: a mutant that needs longer counts as one that hangs."""
console = Console(stderr=True, highlight=False)


def copy_tree(folder: Path) -> Path:
    """Copy the files of the tree: those that Git knows, or would, and the driver's compiled part."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True, check=True)
    for name in [*filter(None, listed.stdout.decode().split("\0")), f"python/{extension.PATH}"]:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def environment(copy: Path) -> dict[str, str]:
    """Return the environment of a copy's processes: its own rdspool, and no compiled file of a mutant."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RDSPOOL_", "AWS_"))}
    return {**kept, "PYTHONPATH": str(copy / "python"), "STREAMS_COUNT": "60"}


def watch(copy: Path, scratch: Path) -> dict:
    """Run the unit tests without a mutant and return what the plugin `watch` has seen."""
    left_out = [f"--ignore-glob=*/test_{name}*" for name in NOT_OF_RDSPOOL.split()]
    seen = scratch / "watched.json"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.mutation.watch",
        "-p",
        "no:cacheprovider",
        "-q",
        "--tb=short",
        *left_out,
        "tests/unit",
    ]
    ran = subprocess.run(
        command, cwd=copy, env=environment(copy) | {"MUTATION_WATCHED": str(seen)}, capture_output=True, text=True, check=False, timeout=900
    )
    if ran.returncode:
        raise SystemExit(f"tests/mutation: the tests fail without a mutant:\n{ran.stdout[-5000:]}{ran.stderr[-2000:]}")
    # Compiled anew wherever the source differs, whatever its time says.
    compileall.compile_dir(copy / "python", force=True, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    return json.loads(seen.read_text())


class Worker:
    """A process that runs tests in a copy of the tree."""

    def __init__(self, copy: Path, scratch: Path, imported: list[str]) -> None:
        self.copy = copy
        command = [sys.executable, "-m", "tests.mutation.worker", str(scratch), json.dumps(imported)]
        self._process = subprocess.Popen(
            command,
            cwd=copy,
            env=environment(copy) | {"PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, tests: list[str], seconds: float) -> tuple[str, str]:
        """Run the tests, for so many seconds at most; return how they ended and what pytest has said."""
        self._process.stdin.write(json.dumps({"tests": tests, "seconds": seconds}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if answer["outcome"] == "none":
            raise SystemExit(f"tests/mutation: no test was found: {tests[:3]}\n{answer['told']}")
        return answer["outcome"], answer["told"]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def outcome_of(worker, choice, mutant, code):
    """Return how a mutant ended: killed, timeout, survived, or not run where no test runs it."""
    mutated = mutant.source(code)
    file = worker.copy / PACKAGE / mutant.module
    groups = choice.tests(mutant)
    file.write_text(mutated)
    try:
        for tests in groups:
            outcome, _ = worker.run(tests, PATIENCE + 6 * sum(choice.seconds[test] for test in tests))
            if outcome != "survived":
                return outcome, mutated
    finally:
        file.write_text(code)
    return "survived" if groups else "not run", mutated


@click.command()
@click.argument("names", nargs=-1, metavar="[MODULES]...")
@click.option("--sample", type=int, help="Mutants that are drawn; without it all are run.")
@click.option("--seed", default="1", help="Of the draw.")
@click.option("--workers", default=2, help="Processes at once.")
@click.option("--write", is_flag=True, help="Write figures.md and survivors.toml.")
def main(names, sample, seed, workers, write):
    chosen = [mutant for module in modules(list(names)) for mutant in mutants(module)]
    total = len(chosen)
    if sample and sample < total:
        chosen = random.Random(seed).sample(chosen, sample)
    begun = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="rdspool-mutation-") as folder:
        scratch = Path(folder)
        first = copy_tree(scratch / "tree-0")
        watched = watch(first, scratch)
        choice = Choice(watched)
        console.print(
            f"{len(watched['seconds'])} tests pass without a mutant ({time.monotonic() - begun:.0f} s); {len(chosen)} of {total} mutants"
        )
        results = run_all(chosen, choice, watched["imported"], first, scratch, workers)
    found = report.Run(chosen, total, sample and seed, results, time.monotonic() - begun)
    click.echo(found.table())
    open_ones = report.explain(found, write=write)
    if write:
        report.write(found)
    if found.share() < LOWEST:
        raise SystemExit(f"tests/mutation: {found.share():.1%} of the mutants were noticed: {LOWEST:.0%} have to be")
    if open_ones:
        raise SystemExit(f"tests/mutation: {open_ones} survivors have no kind in survivors.toml")


def run_all(chosen, choice, imported, first, scratch, count):
    """Run the mutants on several workers; return per mutant how it ended, and the lines it changes."""
    waiting, results, failures = list(reversed(chosen)), {}, []
    codes = {mutant.module: (first / PACKAGE / mutant.module).read_text() for mutant in chosen}
    begun = time.monotonic()

    def work(number):
        copy = first if number == 0 else Path(shutil.copytree(first, scratch / f"tree-{number}", dirs_exist_ok=True))
        own = scratch / f"scratch-{number}"
        own.mkdir()
        worker = Worker(copy, own, imported)
        try:
            # Without a mutant all of them have to pass here too: as few examples, and each in a fork.
            everything = sorted(choice.seconds)
            outcome, told = worker.run(everything, 600.0)
            if outcome != "survived":
                raise SystemExit(f"tests/mutation: without a mutant the tests end so: {outcome}\n{told}")
            while waiting and not failures:
                mutant = waiting.pop()
                code = codes[mutant.module]
                outcome, mutated = outcome_of(worker, choice, mutant, code)
                results[mutant] = (outcome, *difference(code, mutated))
                if outcome not in report.NOTICED:
                    was, becomes = (" ".join(lines.split()) for lines in results[mutant][1:])
                    console.print(
                        f"{outcome}: {mutant.module}:{mutant.line} {mutant.definition}: {was} -> {becomes}", soft_wrap=True, markup=False
                    )
                if len(results) % 50 == 0:
                    counts = Counter(result[0] for result in results.values())
                    console.print(f"{len(results)} of {len(chosen)} ({time.monotonic() - begun:.0f} s): {dict(counts)}")
        except BaseException as failure:  # noqa: BLE001 - run_all() raises it
            failures.append(failure)
        finally:
            worker.close()

    copies = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in copies:
        thread.start()
    try:
        for thread in copies:
            thread.join()
    except BaseException as stopped:  # each ends the mutant that it runs
        failures.append(stopped)
        for thread in copies:
            thread.join()
        raise
    if failures:
        raise failures[0]
    return results


if __name__ == "__main__":
    main()
