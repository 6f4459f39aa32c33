#!/usr/bin/env bash
# Writes the hash lock tests/sqlalchemy20/requirements.txt from the .in file beside it. All but SQLAlchemy and the connector
# are of the versions of the tests' lock.
#
# usage: tests/sqlalchemy20/lock.sh [--upgrade]      (needs uv; other options go to `uv pip compile`)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
uv=$(command -v uv) || { echo "lock.sh: uv is missing: pip install uv" >&2; exit 3; }
others=$(mktemp)
trap 'rm -f "$others"' EXIT
sed -n 's/^\([A-Za-z0-9._-]*==.*[^ ]\) *\\$/\1/p' tests/requirements.txt | grep -Eiv '^(sqlalchemy|mysql-connector-python)==' >"$others"
# Without annotations: they would name that file.
"$uv" pip compile --quiet --universal --generate-hashes --python-version 3.12 --no-emit-index-url --no-emit-find-links --no-annotate \
  --custom-compile-command tests/sqlalchemy20/lock.sh --constraints "$others" \
  local/requirements.in tests/sqlalchemy20/requirements.in --output-file tests/sqlalchemy20/requirements.txt "$@"
