#!/usr/bin/env bash
# Breaks python/rdspool in one place after the other, and counts how many of these mutants tests/unit notices. Exits 1 where that is below
# 85 %, or where a survivor of the run has no reason in survivors.toml.
#
# usage:   tests/mutation/run.sh [--sample N] [--seed S] [--workers N] [--write] [modules...]
# example: tests/mutation/run.sh                                  # every mutant; an hour or two on 2 cores
#          tests/mutation/run.sh --sample 300 --seed 7
#          tests/mutation/run.sh _driver/packets.py creator.py    # all mutants of two modules
#          tests/mutation/run.sh --write                           # writes figures.md and survivors.toml too
#
# Its packages go into an environment of their own in ${RDSLOCAL_CACHE:-~/.cache/rdspool}; the mutants live in copies of the tree.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/local/setup.sh"
setup_venv own mutation
cd "$root"
exec "$PYTHON" -m tests.mutation "$@"
