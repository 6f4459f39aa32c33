#!/usr/bin/env bash
# Sets up and runs every test: fast ones first, then those with real servers, then SQLAlchemy's own dialect suite.
# Arguments go to pytest, which then runs alone.
#
# usage:   tests/run.sh [--sqlalchemy 2.0|2.1 | --python X.Y] [pytest's arguments]
# example: tests/run.sh -k token
#          tests/run.sh tests/unit
#          tests/run.sh --sqlalchemy 2.0    # the driver's tests alone, with SQLAlchemy 2.0 and the oldest connector
#          tests/run.sh --python 3.14       # the driver's tests alone, with this Python
#
# Root or not; what is missing is fetched into .venv (.venv-sqlalchemy2.0, .venv-python3.14) and ${RDSLOCAL_CACHE:-~/.cache/rdspool}.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/local/setup.sh"
sqlalchemy=2.1
if [ "${1:-}" = --sqlalchemy ]; then sqlalchemy=${2:?needs 2.0 or 2.1}; shift 2; fi
if [ "${1:-}" = --python ]; then export RDSLOCAL_PYTHON=${2:?needs a version such as 3.14}; shift 2; fi
setup_venv tests "$sqlalchemy"
cd "$root"
selected=()
if [ "$sqlalchemy" = 2.0 ] || [ -n "${RDSLOCAL_PYTHON:-}" ]; then
  # These test other things than the driver, or the driver from within a layer. All others run with each, new ones too.
  for others in attach aws bench canary catalogue certificates cluster distributions docs doctor environment every examples fleet front function imports layer \
    literals_on_servers missing partitions peers proxy publish readme runtime sar secrecy servers shutdown soak stored typed workflows; do
    selected+=("--ignore-glob=*/test_$others*")
  done
fi
if [ $# -gt 0 ]; then exec "$PYTHON" -m pytest "${selected[@]}" "$@"; fi
status=0
"$PYTHON" -m pytest "${selected[@]}" || status=$?
tests/dialect/run.sh --sqlalchemy "$sqlalchemy" || status=$?
exit "$status"
