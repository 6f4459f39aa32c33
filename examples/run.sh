#!/usr/bin/env bash
# Builds the layer, attaches it to examples/connection_id in a Lambda environment on this machine, and invokes that five times.
#
# usage:   examples/run.sh [--python 3.12|3.13|3.14] [--server mysql|mariadb] [--faithful] [--json]
# example: examples/run.sh --json | jq .connection_id
#
# Root or not; what is missing is fetched into .venv and ${RDSLOCAL_CACHE:-~/.cache/rdspool}. The table goes to stdout, progress to stderr.
# Exit status: 0 the connection was kept and recycled as it should be, 1 it was not, 2 wrong usage, 3 a part can't be had,
# 130 interrupted.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/local/setup.sh"
setup_venv || exit 3
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "$PYTHON" -m examples.run "$@"
