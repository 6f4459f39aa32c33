#!/usr/bin/env bash
# Runs units of work in function processes while faults happen, checks that nothing was lost or done twice, and writes report.md.
#
# usage:   tests/soak/run.sh [--minutes 15] [--seed S] [--server mysql|mariadb] [--environments N] [--faults NAME,...] [--variant NAME] [--output FILE]
# example: tests/soak/run.sh --minutes 1 --seed 7
#
# The exit status is 1 if the invariant is broken.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/local/setup.sh"
setup_venv tests
cd "$root"
exec "$PYTHON" -m tests.soak "$@"
