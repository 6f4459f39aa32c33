#!/usr/bin/env bash
# Sets up and runs every test: fast ones first, then those with real servers. Arguments go to pytest.
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
exec "$PYTHON" -m pytest "$@"
