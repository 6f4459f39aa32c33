#!/usr/bin/env bash
# Runs SQLAlchemy's own dialect suite through mysql+rdspool, on MySQL and on MariaDB.
#
# usage:   tests/dialect/run.sh [--server mysql|mariadb] [--stock] [--repository] [pytest's arguments]
# example: tests/dialect/run.sh --server mysql -k Json
#          tests/dialect/run.sh --stock        # through mysqlconnector itself, for comparison
#          tests/dialect/run.sh --repository   # the tests of SQLAlchemy's repository, which its wheel has not
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/local/setup.sh"
setup_venv tests
cd "$root"
exec "$PYTHON" -m tests.dialect "$@"
