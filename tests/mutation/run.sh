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
_setup_certificates
lock=$root/tests/mutation/requirements.txt
venv=$_setup_cache/mutation-$(printf %s "$root" | cksum | cut -d' ' -f1)
stamp="$root $(cat "$lock" "$root"/{pyproject.toml,python/rdspool/version.py} | sha256sum | cut -d' ' -f1)"
if [ ! -f "$venv/.stamp" ] || [ "$(cat "$venv/.stamp")" != "$stamp" ] || ! "$venv/bin/python" -I -c '' 2>/dev/null; then
  interpreter=$(_setup_interpreter)
  _setup_build "$venv" "$stamp" "$lock" "$interpreter"
fi
cd "$root"
exec "$venv/bin/python" -m tests.mutation "$@"
