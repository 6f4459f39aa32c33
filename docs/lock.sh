#!/usr/bin/env bash
# Writes the hash lock docs/requirements.txt from the .in file beside it, in the versions of the tests' lock where both have a package.
#
# usage: docs/lock.sh [--upgrade]      (needs uv; other options go to `uv pip compile`)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=$(command -v uv) || { echo "lock.sh: uv is missing: pip install uv" >&2; exit 3; }
"$uv" pip compile --quiet --universal --generate-hashes --python-version 3.12 --no-emit-index-url --no-emit-find-links \
  --custom-compile-command docs/lock.sh --constraints tests/requirements.txt \
  local/requirements.in docs/requirements.in --output-file docs/requirements.txt "$@"
