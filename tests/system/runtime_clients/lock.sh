#!/usr/bin/env bash
# Writes the hash locks of the runtime clients that Lambda's runtimes carry or carried; local/environment has the newest.
#
# usage: tests/system/runtime_clients/lock.sh      (needs uv)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
uv=$(command -v uv) || { echo "lock.sh: uv is missing: pip install uv" >&2; exit 3; }
for version in 3.0.2 3.1.1 4.0.4; do
  echo "awslambdaric==$version" | "$uv" pip compile --quiet --universal --generate-hashes --no-deps --python-version 3.12 --no-emit-index-url \
    --no-emit-find-links --custom-compile-command tests/system/runtime_clients/lock.sh - --output-file "$version.txt"
done
