#!/usr/bin/env bash
# Runs other people's suites through rdspool and, beside it, through stock mysql-connector-python, on MySQL and on MariaDB.
#
# usage:   tests/peers/run.sh [--server mysql|mariadb] [dbapi20|pymysql|mysqlclient|alembic|pandas]...
# example: tests/peers/run.sh --server mysql dbapi20
#          tests/peers/run.sh --write    # all of them, and the figures into README.md
#
# Its packages, of which the tests need only some, go into an environment of their own in ${RDSLOCAL_CACHE:-~/.cache/rdspool}.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/local/setup.sh"
_setup_certificates
lock=$root/tests/peers/requirements.txt
venv=$_setup_cache/peers-$(printf %s "$root" | cksum | cut -d' ' -f1)
stamp="$root $(cat "$lock" "$root"/{pyproject.toml,python/rdspool/version.py} | sha256sum | cut -d' ' -f1)"
if [ ! -f "$venv/.stamp" ] || [ "$(cat "$venv/.stamp")" != "$stamp" ] || ! "$venv/bin/python" -I -c '' 2>/dev/null; then
  interpreter=$(_setup_interpreter)
  _setup_build "$venv" "$stamp" "$lock" "$interpreter"
fi
cd "$root"
exec "$venv/bin/python" -m tests.peers "$@"
