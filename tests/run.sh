#!/usr/bin/env bash
# Sets up and runs every test: fast ones first, then those with real servers, then SQLAlchemy's own dialect suite.
# Arguments go to pytest, which then runs alone.
#
# usage:   tests/run.sh [pytest's arguments]
# example: tests/run.sh -k token
#          tests/run.sh tests/unit
#
# Root or not; what is missing is fetched into .venv and ${RDSLOCAL_CACHE:-~/.cache/rdspool}.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/local/setup.sh"
setup_venv tests
cd "$root"
if [ $# -gt 0 ]; then exec "$PYTHON" -m pytest "$@"; fi
status=0
"$PYTHON" -m pytest || status=$?
tests/dialect/run.sh || status=$?
exit "$status"
