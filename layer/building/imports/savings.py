"""Measure what each transform saves: a layer's folder with all transforms, and one without each of them, in fresh processes in turns."""

from __future__ import annotations

import os
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...errors import LayerError
from ...matrix import Target
from .. import assemble, bytecode
from .archives import build
from .transforms import TRANSFORMS

_PROGRAM = """
import sys, time
sys.path.insert(0, sys.argv[1])
began = time.process_time()
from rdspool import get_engine
get_engine(host="database.cluster.eu-west-1.rds.amazonaws.com", user="user")
print((time.process_time() - began) * 1000)
"""


@dataclass(frozen=True)
class Savings:
    """Milliseconds of CPU. by_transform: how much more it is without it. all: with every transform. plain: with none."""

    by_transform: dict[str, float]
    all: float
    plain: float


def savings(target: Target, interpreter: Path, cache: Path, folder: Path, rounds: int, progress: Callable[[str], None]) -> Savings:
    """Return what each transform saves. Raise LayerError when a layer can't be built or does not work."""
    compiler = bytecode.identify(interpreter, target.python)
    files, uncompiled = assemble.contents(target, cache)
    variants = {transform.name: [other for other in TRANSFORMS if other is not transform] for transform in TRANSFORMS}
    variants |= {"": list(TRANSFORMS), "plain": []}
    for name, transforms in variants.items():
        progress(f"building without {name}" if name else "building")
        root = folder / (name or "all")
        made = build(compiler, files, uncompiled, transforms, str(root))
        _write(root, {**files, **bytecode.compile_all(compiler, made.compiled), **made.files})
    times: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        for name in variants:
            times[name].append(_measured(interpreter, folder / (name or "all")))
    # The lower quartile, because the load of a machine only adds to a time.
    typical = {name: statistics.quantiles(found, n=4)[0] for name, found in times.items()}
    return Savings({each.name: typical[each.name] - typical[""] for each in TRANSFORMS}, typical[""], typical["plain"])


def _write(root: Path, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _measured(interpreter: Path, root: Path) -> float:
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(interpreter), "-I", "-S", "-c", _PROGRAM, str(root)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise LayerError(f"a layer without a transform does not work: {ran.stderr.strip().splitlines()[-1]}")
    return float(ran.stdout)
