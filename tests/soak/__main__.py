"""The command of the soak: `python -m tests.soak --help`."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

from local.server.server import KINDS

from .faults import DEEDS, RULES
from .soak import report, soak

HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/soak/run.sh", description="Run units of work in function processes while faults happen.")
    parser.add_argument("--minutes", type=float, default=15.0, help="how long faults happen, in minutes (default 15)")
    parser.add_argument("--seed", type=int, help="seed of the faults' order and of the units (default: the time)")
    parser.add_argument("--server", choices=KINDS, default="mysql", help="the server (default mysql)")
    parser.add_argument("--environments", type=int, default=6, help="environments at a time (default 6)")
    parser.add_argument("--faults", default="", help=f"names of faults, separated by commas (default: all): {', '.join([*RULES, *DEEDS])}")
    parser.add_argument("--variant", default="sound", help="a function that is wrong, see function/handler.py (default sound)")
    parser.add_argument("--output", type=Path, help="the report's file (default: report.md, or report-mariadb.md, beside this file)")
    options = parser.parse_args()
    seed = int(time.time()) if options.seed is None else options.seed
    names = [name.strip() for name in options.faults.split(",") if name.strip()]
    result = soak(options.server, options.minutes * 60, seed, environments=options.environments, faults=names, variant=options.variant)
    command = shlex.join(["tests/soak/run.sh", "--minutes", f"{options.minutes:g}", "--seed", str(seed), "--server", options.server])
    for name, value, usual in (
        ("--environments", options.environments, 6),
        ("--faults", options.faults, ""),
        ("--variant", options.variant, "sound"),
    ):
        if value != usual:
            command += " " + shlex.join([name, str(value)])
    file = options.output or HERE / ("report.md" if options.server == "mysql" else f"report-{options.server}.md")
    file.write_text(report(result, command))
    sys.stdout.write("".join(f"{line}\n" for line in result.broken) or f"The invariant holds: {file}\n")
    return 1 if result.broken else 0


if __name__ == "__main__":
    sys.exit(main())
