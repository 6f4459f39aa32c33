#!/usr/bin/env bash
# Measures rdspool and its peers in one run, and writes results.json, results.md and chart.svg beside this file.
#
# usage:   tests/bench/run.sh [--quick] [--only CONTENDER]... [--before COMMIT] [--json] [--output FOLDER] [--help]
#          tests/bench/run.sh --day                    # draws day.svg, a day of connections in the model of python -m rdspool size
# example: tests/bench/run.sh --quick --only rdspool --only stock_c
#
# It has more packages than the tests, so they are installed in a separate environment in ${RDSLOCAL_CACHE:-~/.cache/rdspool}.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/local/setup.sh"
setup_venv own bench
cd "$root"
if [ "${1:-}" = --day ]; then exec "$PYTHON" -m tests.bench.day; fi
exec "$PYTHON" -m tests.bench "$@"
