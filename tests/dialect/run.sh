#!/usr/bin/env bash
# Runs SQLAlchemy's own dialect suite through mysql+rdspool, on MySQL and on MariaDB, and through mariadb+rdspool.
#
# usage:   tests/dialect/run.sh [--sqlalchemy 2.0|2.1] [--server mysql|mariadb] [--stock] [--repository [--sqlite]] [--layer ZIP] [pytest's arguments]
# example: tests/dialect/run.sh --server mysql -k Json
#          tests/dialect/run.sh --stock        # through mysqlconnector itself, for comparison
#          tests/dialect/run.sh --repository   # the tests of SQLAlchemy's repository, which its wheel has not
#          tests/dialect/run.sh --repository --sqlite --layer dist/rdspool-python3.13-x86_64.zip   # all of them, on a layer's code
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/local/setup.sh"
sqlalchemy=2.1
if [ "${1:-}" = --sqlalchemy ]; then sqlalchemy=${2:?needs 2.0 or 2.1}; shift 2; fi
setup_venv tests "$sqlalchemy"
cd "$root"
exec "$PYTHON" -m tests.dialect "$@"
