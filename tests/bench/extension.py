"""What registering the internal extension costs the init of a function: `python -m tests.bench.extension` prints the medians."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from local.environment.runtime_api import FunctionProcess

PROCESSES = 9
HANDLER = """
import os, time
import rdspool
from rdspool._lambda import shutdown

began = time.process_time(), time.perf_counter()
if os.environ["REGISTER"] == "yes":
    shutdown.prepare()
COST = (time.process_time() - began[0]) * 1000, (time.perf_counter() - began[1]) * 1000

def handler(event, context):
    return COST
"""


def main() -> int:
    """Print CPU and elapsed time of the registration, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder)
        (task / "handler.py").write_text(HANDLER)
        for register in ("yes", "no"):
            costs = []
            for _ in range(PROCESSES):
                with FunctionProcess(task, variables={"REGISTER": register}) as process:
                    process.wait_ready()
                    costs.append(process.invoke())
            cpu, elapsed = (statistics.median(column) for column in zip(*costs, strict=True))
            print(f"registered: {register}; CPU {cpu:.2f} ms, elapsed {elapsed:.2f} ms, medians of {PROCESSES} processes")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
