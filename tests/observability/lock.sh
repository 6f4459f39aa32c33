#!/usr/bin/env bash
# Writes the hash lock tests/observability/requirements.txt from the .in file beside it, in the versions of the tests' lock where both have a
# package, but for SQLAlchemy.
#
# usage: tests/observability/lock.sh [--upgrade]      (needs uv; other options go to `uv pip compile`)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
uv=$(command -v uv) || { echo "lock.sh: uv is missing: pip install uv" >&2; exit 3; }
others=$(mktemp)
trap 'rm -f "$others"' EXIT
sed -n 's/^\([A-Za-z0-9._-]*==.*[^ ]\) *\\$/\1/p' tests/requirements.txt | grep -Eiv '^sqlalchemy==' >"$others"
# Without annotations: they would name that file.
"$uv" pip compile --quiet --universal --generate-hashes --python-version 3.12 --no-emit-index-url --no-emit-find-links --no-annotate \
  --custom-compile-command tests/observability/lock.sh --constraints "$others" \
  local/requirements.in tests/observability/requirements.in --output-file tests/observability/requirements.txt "$@"
