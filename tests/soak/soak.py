"""One run of the soak: from the empty accounts to the report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from local.server import Kind
from tests.function_rig import Rig, rig, table, versions

from .faults import Storm
from .invariant import ACCOUNTS, BEGIN, EITHER, NEVER, ONCE, Growth, broken_growths, broken_units, growths
from .workers import Ledger, Worker

CONNECTIONS = 30
"""The server's max_connections."""
SURVIVORS = 2
CALM = 6
"""Units of each worker after the last fault. The first may find what the fault has left; the others have to succeed."""
PATIENCE = 120.0
"""Seconds in which the workers have to get there."""
LEFT = 30.0
"""Seconds in which the server has to see the end of all connections."""
OPTIONS = (
    f"--max-connections={CONNECTIONS}",
    # What was committed survives the server's crash, as it does with the default of 1.
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=ON",
)
FUNCTION = {"RDSPOOL_POOL_RECYCLE": "5", "RDSPOOL_WAIT_TIMEOUT": "8"}
"""Short times, so that recycling and the server's idle limit happen often."""


@dataclass
class Result:
    """What a run found. `broken` is empty where the invariant holds."""

    what_ran: str
    seconds: float
    units: Counter[str]
    present: Counter[str]
    """Units that the database has, by their outcome."""
    errors: Counter[tuple[str, bool]]
    """By the error, and whether the unit ran in rdspool's run(): one that is left open does not, so nothing runs it again."""
    faults: Counter[str]
    environments: int
    grown: list[Growth]
    left_over: int
    calm_failures: list[str]
    broken: list[str] = field(default_factory=list)


def soak(
    kind: Kind,
    seconds: float,
    seed: int,
    *,
    environments: int = 6,
    faults: Sequence[str] = (),
    variant: str = "sound",
    growth: bool = True,
    enough: Callable[[Ledger, Storm], bool] = lambda _ledger, _storm: True,
) -> Result:
    """Run units for some seconds and check them. `variant` is a way of the function to be wrong (function/handler.py).

    `growth`: judge memory and descriptors; a run of some seconds says nothing of them. `enough`: what has to be true too before the faults end.
    """
    with rig(kind, options=OPTIONS) as on:
        on.server.execute(
            "CREATE TABLE app.accounts (id INT PRIMARY KEY, amount BIGINT NOT NULL) ENGINE=InnoDB",
            # The id is not unique: a unit that is done twice is to be seen, not stopped.
            "CREATE TABLE app.units (number BIGINT AUTO_INCREMENT PRIMARY KEY, id BIGINT, source INT, target INT, amount INT, KEY (id)) ENGINE=InnoDB",
            "INSERT INTO app.accounts VALUES " + ", ".join(f"({number}, {BEGIN})" for number in range(1, ACCOUNTS + 1)),
        )
        ledger = Ledger()
        variables = on.variables(SOAK_VARIANT=variant, **FUNCTION)
        workers = [Worker(on, ledger, number, seed, variables, survives=number < SURVIVORS) for number in range(environments)]
        storm = Storm(on, workers, seed, faults)
        began = time.monotonic()
        for worker in workers:
            worker.start()
        while not all(worker.finished for worker in workers):  # the faults are for those who work
            time.sleep(0.05)
        storm.start()
        while storm.is_alive() and (time.monotonic() - began < seconds or not enough(ledger, storm)):
            time.sleep(0.2)
        storm.end()
        calm = _calm(ledger, workers)
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join()
            if worker.failure is not None:
                raise worker.failure
        took = time.monotonic() - began
        left_over = _left_over(on)
        rows = on.server.execute("SELECT id, source, target, amount FROM app.units")
        accounts = dict(on.server.execute("SELECT id, amount FROM app.accounts"))
        broken = broken_units(ledger.units, rows, accounts)
        there = {row[0] for row in rows}
        grown = growths(ledger.samples)
        if growth:
            broken += broken_growths(grown)
        broken += calm
        if left_over:
            broken.append(f"{left_over} connections were left over")
        return Result(
            what_ran=versions(on.server),
            seconds=took,
            units=Counter(unit.outcome for unit in ledger.units),
            present=Counter(unit.outcome for unit in ledger.units if unit.id in there),
            errors=Counter((unit.error, unit.how != "left open") for unit in ledger.units if unit.error),
            faults=storm.counts,
            environments=next(ledger.environments) - 1,
            grown=grown,
            left_over=left_over,
            calm_failures=calm,
            broken=broken,
        )


def _calm(ledger: Ledger, workers: Sequence[Worker]) -> list[str]:
    """Wait for the units after the faults, and return which of them fail that should not."""
    begin = len(ledger.units)
    end = time.monotonic() + PATIENCE
    found = []
    for number, worker in enumerate(workers):
        while len(after := [unit for unit in worker.finished if unit.id > begin]) < CALM and worker.is_alive() and time.monotonic() < end:
            time.sleep(0.05)
        if len(after) < CALM:
            found.append(f"after the faults, worker {number} ran {len(after)} units in {PATIENCE:.0f} s")
        found += [
            f"after the faults, worker {number} does not work: {unit}"
            for unit in after[1:CALM]
            if unit.outcome in {"failed", "unknown", "no answer"}
        ]
    return found


def _left_over(on: Rig) -> int:
    end = time.monotonic() + LEFT
    while (sessions := on.sessions()) and time.monotonic() < end:
        time.sleep(0.05)
    return len(sessions)


def report(result: Result, command: str) -> str:
    """Return the report in Markdown."""
    expected = {**dict.fromkeys(ONCE, "once"), **dict.fromkeys(NEVER, "never"), **dict.fromkeys(EITHER, "once or never")}
    outcomes = [
        [outcome, count, result.present[outcome], expected.get(outcome, "")]
        for outcome, count in sorted(result.units.items(), key=_largest)
    ]
    grown = [
        [
            one.environment,
            one.invocations,
            *(f"{value / 2**20:.1f}" for value in one.memory),
            *(f"{value:.0f}" for value in one.descriptors),
        ]
        for one in sorted(result.grown, key=lambda one: -one.invocations)[:5]
    ]
    errors = [
        [error, result.errors[error, True], result.errors[error, False]]
        for error in sorted({error for error, _ in result.errors}, key=lambda error: (-result.errors[error, True], error))
    ]
    verdict = (
        ["The invariant holds.", ""]
        if not result.broken
        else [f"**The invariant is broken in {len(result.broken)} places:**", "", *(f"- {one}" for one in result.broken[:50]), ""]
    )
    summary = (
        f"{sum(result.units.values())} units ran in {result.seconds:.0f} s in {result.environments} environments, while "
        f"{sum(result.faults.values())} faults happened. {result.left_over} connections were left over at the end."
    )
    return "\n".join(
        [
            "# A soak",
            "",
            f"Written by `{command}` on {datetime.now(UTC):%Y-%m-%d}: {result.what_ran}.",
            "",
            *verdict,
            summary,
            "",
            "## Outcomes",
            "",
            "The second column is what the function answered, the third what the database has.",
            "",
            table(["outcome", "units", "in the database", "each has to be there"], outcomes),
            "",
            "## Faults",
            "",
            table(["fault", "times"], sorted(result.faults.items(), key=_largest)),
            "",
            "## Errors that units ended with",
            "",
            (
                "Units in run() fail for what another run can't mend, or after some runs, when the invocation has no time left for another one. "
                "The others ran once."
            ),
            "",
            table(["error", "units in run()", "others"], errors),
            "",
            "## Memory and descriptors",
            "",
            "Medians of the second quarter of an environment's invocations and of the last, for the five with the most invocations.",
            "",
            table(["environment", "invocations", "MiB", "MiB at the end", "descriptors", "at the end"], grown),
            "",
        ]
    )


def _largest(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]
