"""Measure what each transform saves: a layer's folder with all transforms, and one without each of them, in fresh processes in turns."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ...errors import LayerError
from ...matrix import Target
from .. import assemble, bytecode
from .archives import build
from .transforms import TRANSFORMS

_BEFORE = (
    "import __future__, atexit, concurrent.futures.thread, contextlib, decimal, importlib.machinery, json, linecache, logging, numbers, queue, "
    "reprlib, sys, textwrap, time, traceback, typing, warnings\n"
    "compile('', '', 'exec')\n"
)
"""What Lambda's runtime client has imported before the function, whose handler it compiles: the first call of compile() makes 124 classes."""
_PROGRAM = """
sys.path.insert(0, sys.argv[1])
began = time.process_time()
from rdspool import get_engine
get_engine(host="database.cluster.eu-west-1.rds.amazonaws.com", user="user")
ended = time.process_time()
with open("/proc/self/status") as file:
    print((ended - began) * 1000, next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024)
"""


class Unit(Enum):
    """Of what a process works: its CPU time, or the instructions that it executes, which the load of the machine does not change."""

    MS = "ms"
    INSTRUCTIONS = "million instructions"


LEAST = {Unit.MS: 2.0, Unit.INSTRUCTIONS: 8.0}
"""The work that a transform saves, or it saves LEAST_MEMORY. One that saves less of both does not stay."""
LEAST_MEMORY = 0.3
"""In MiB."""


@dataclass(frozen=True)
class Cost:
    """Of imports and engine. work: in the unit of the measurement. memory: resident after them, in MiB."""

    work: float
    memory: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.work - other.work, self.memory - other.memory)


@dataclass(frozen=True)
class Savings:
    """by_transform: how much more it is without it. all: with every transform. plain: with none."""

    by_transform: dict[str, Cost]
    all: Cost
    plain: Cost


def savings(
    target: Target, interpreter: Path, cache: Path, folder: Path, unit: Unit, rounds: int, progress: Callable[[str], None]
) -> Savings:
    """Return what each transform saves. `rounds` are the processes per transform, each with one more where instructions are counted.

    Raise LayerError when a layer can't be built or does not work, or nothing here can count instructions.
    """
    if unit is Unit.INSTRUCTIONS and not shutil.which("valgrind"):
        raise LayerError("valgrind counts the instructions, and is not installed: install it, or measure the CPU time")
    compiler = bytecode.identify(interpreter, target.python)
    files, uncompiled = assemble.contents(target, cache)
    variants = {transform.name: [other for other in TRANSFORMS if other is not transform] for transform in TRANSFORMS}
    variants |= {"all": list(TRANSFORMS), "plain": []}
    for name, transforms in variants.items():
        progress(f"building {_shown(name)}")
        root = folder / name
        made = build(compiler, files, uncompiled, transforms, str(root))
        _write(root, {**files, **bytecode.compile_all(compiler, made.compiled), **made.files})
    costs: dict[str, list[Cost]] = {name: [] for name in variants}
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        for name in variants:
            costs[name].append(_cost(interpreter, folder / name))
    # The lower quartile, because the load of a machine only adds to a time.
    typical = {
        name: Cost(statistics.quantiles([each.work for each in found], n=4)[0], statistics.median(each.memory for each in found))
        for name, found in costs.items()
    }
    if unit is Unit.INSTRUCTIONS:
        nothing = _instructions(interpreter, _BEFORE, folder)
        for name, cost in typical.items():
            progress(f"counting {_shown(name)}")
            typical[name] = Cost(_instructions(interpreter, _BEFORE + _PROGRAM, folder / name) - nothing, cost.memory)
    return Savings({each.name: typical[each.name] - typical["all"] for each in TRANSFORMS}, typical["all"], typical["plain"])


def _shown(variant: str) -> str:
    return {"all": "with all transforms", "plain": "with none"}.get(variant, f"without {variant}")


def _write(root: Path, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _cost(interpreter: Path, root: Path) -> Cost:
    work, memory = _run([], interpreter, _BEFORE + _PROGRAM, root).stdout.split()
    return Cost(float(work), float(memory))


def _instructions(interpreter: Path, program: str, root: Path) -> float:
    """Return the instructions of a process that runs `program`, in millions."""
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    report = _run(valgrind, interpreter, program, root).stderr
    found = re.search(r"I\s+refs:\s+([\d,]+)", report)
    if found is None:
        raise LayerError(f"valgrind counted nothing: {report.strip()[-300:]}")
    return int(found[1].replace(",", "")) / 1e6


def _run(prefix: list[str], interpreter: Path, program: str, root: Path) -> subprocess.CompletedProcess[str]:
    # The order of sets, which the seed decides, changes how many instructions there are.
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    command = [*prefix, str(interpreter), "-s", "-S", "-P", "-c", program, str(root)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise LayerError(f"a layer without a transform does not work: {ran.stderr.strip().splitlines()[-1]}")
    return ran
