#!/usr/bin/env bash
# Runs other people's suites through rdspool and, beside it, through stock mysql-connector-python, on MySQL and on MariaDB.
#
# usage:   tests/peers/run.sh [--server mysql|mariadb] [--layer ZIP] [dbapi20|pymysql|mysqlclient|alembic|pandas]...
# example: tests/peers/run.sh --server mysql dbapi20
#          tests/peers/run.sh --write    # all of them, and the figures into README.md
#
# Its packages, of which the tests need only some, go into an environment of their own in ${RDSLOCAL_CACHE:-~/.cache/rdspool}.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/local/setup.sh"
setup_venv own peers
cd "$root"
exec "$PYTHON" -m tests.peers "$@"
