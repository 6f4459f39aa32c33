#!/usr/bin/env bash
# Writes the hash locks from the .in files: requirements.txt, with the versions of the tests' lock for packages in both,
# contenders/NAME.txt with the additional packages of a contender, and compiler.txt.
#
# usage: tests/bench/lock.sh [--upgrade]      (needs uv; other options go to `uv pip compile`)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
uv=$(command -v uv) || { echo "lock.sh: uv is missing: pip install uv" >&2; exit 3; }
lock() {
  "$uv" pip compile --quiet --universal --generate-hashes --python-version 3.12 --no-emit-index-url --no-emit-find-links \
    --custom-compile-command tests/bench/lock.sh "$@"
}
all=tests/bench/requirements.txt
lock local/requirements.in tests/bench/requirements.in --constraints tests/requirements.txt --output-file "$all" "$@"
shared=()
for name in $(grep -o '^[A-Za-z0-9._-]*' "$all"); do shared+=(--no-emit-package "$name"); done
for more in tests/bench/contenders/*.in tests/bench/compiler.in; do
  lock "$more" --constraints "$all" "${shared[@]}" --output-file "${more%.in}.txt" "$@"
done
