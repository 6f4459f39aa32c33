#!/usr/bin/env bash
# Builds the Lambda layer into dist/: in Lambda's image if a Docker engine answers, otherwise with pip.
#
# usage:   ./build.sh [options]       (./build.sh --help lists them)
# example: ./build.sh                            Python 3.13, x86_64
#          ./build.sh --python 3.12 --arch arm64
#          ./build.sh --all --no-docker
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$root/local/setup.sh"
setup_venv
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "$PYTHON" -m layer build "$@"
