#!/usr/bin/env bash
# Writes the hash locks local/requirements.txt and tests/requirements.txt from the .in files beside them.
#
# usage: local/lock.sh [--upgrade]      (needs uv; other options go to `uv pip compile`)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=$(command -v uv) || { echo "lock.sh: uv is missing: pip install uv" >&2; exit 3; }
lock() {
  "$uv" pip compile --quiet --universal --generate-hashes --python-version 3.12 --no-emit-index-url --no-emit-find-links \
    --custom-compile-command local/lock.sh "$@"
}
lock local/requirements.in --output-file local/requirements.txt "$@"
# The tests' lock also contains local's packages in the same versions, so that one environment is enough for both.
lock local/requirements.in tests/requirements.in --constraints local/requirements.txt --output-file tests/requirements.txt "$@"
