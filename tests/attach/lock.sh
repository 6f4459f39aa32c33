#!/usr/bin/env bash
# Writes the hash lock tests/attach/requirements.txt from the .in file beside it, which includes the pins of examples/sam and examples/cdk.
#
# usage: tests/attach/lock.sh [--upgrade]      (needs uv; other options go to `uv pip compile`)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
uv=$(command -v uv) || { echo "lock.sh: uv is missing: pip install uv" >&2; exit 3; }
"$uv" pip compile --quiet --universal --generate-hashes --python-version 3.12 --no-emit-index-url --no-emit-find-links \
  --custom-compile-command tests/attach/lock.sh tests/attach/requirements.in --output-file tests/attach/requirements.txt "$@"
