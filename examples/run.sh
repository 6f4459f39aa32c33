#!/usr/bin/env bash
# Builds the layer, attaches it to examples/connection_id in a Lambda environment on this machine, and invokes the function five times.
#
# usage:   examples/run.sh [--python 3.12|3.13|3.14] [--server mysql|mariadb] [--faithful] [--json]
# example: examples/run.sh --json | jq .connection_id
#
# It works with and without root. Missing parts are downloaded to .venv and ${RDSLOCAL_CACHE:-~/.cache/rdspool}. The table goes to stdout,
# progress to stderr. Exit status: 0 the connection was reused and recycled as expected, 1 it was not, 2 wrong usage, 3 a part is not
# available, 130 interrupted.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/local/setup.sh"
setup_venv || exit 3
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "$PYTHON" -m examples.run "$@"
